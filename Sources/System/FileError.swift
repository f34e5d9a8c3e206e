import Glibc

/// What is wrong with a file, by name and place.
public enum FileError: Error, Hashable, Sendable {
    /// The operating system refused. `operation` is what was tried, `code` its errno.
    case system(file: String, operation: String, code: Int32)
    /// A directory, a named pipe, a device or the like is where a file must be.
    case notARegularFile(file: String)
    /// There is a file of that name, and replacing it was not asked for.
    case alreadyExists(file: String)
    /// The file is longer than its reader allows.
    case tooLong(file: String, bytes: Int, limitBytes: Int)
    /// The file is longer or shorter than it must be.
    case wrongSize(file: String, expectedBytes: Int, foundBytes: Int)
    /// A part of the file is not what was written, or not what belongs there.
    case damaged(file: String, place: String)
}

extension FileError: CustomStringConvertible {
    /// The path, and what is wrong.
    public var description: String { "\(file): \(reason)" }

    /// What is wrong, without the path.
    public var reason: String {
        switch self {
        case .system(_, let operation, let code):
            "\(FileError.phrase(of: operation)): \(String(cString: strerror(code)))"
        case .notARegularFile: "is not a regular file"
        case .alreadyExists: "exists already"
        case .tooLong(_, let bytes, let limit): "has \(bytes) bytes, at most \(limit) are read"
        case .wrongSize(_, let expected, let found): "has \(found) bytes, must have \(expected)"
        case .damaged(_, let place): "is damaged: \(place)"
        }
    }
}

extension FileError {
    private static func phrase(of operation: String) -> String {
        switch operation {
        case "open", "read", "stat": "cannot be read"
        case "open for writing", "write", "truncate", "fsync": "cannot be written"
        case "create", "create directory": "cannot be created"
        default: "\(operation) failed"
        }
    }

    /// The file's path.
    public var file: String {
        switch self {
        case .system(let file, _, _), .notARegularFile(let file), .alreadyExists(let file), .tooLong(let file, _, _),
            .wrongSize(let file, _, _), .damaged(let file, _):
            file
        }
    }

    /// The errno of the call that failed; nil if none did.
    public var code: Int32? {
        if case .system(_, _, let code) = self { code } else { nil }
    }

    /// Whether the file is not there.
    public var isMissing: Bool { code == ENOENT }

    /// Whether the disk, a quota or a file size limit has no room: freeing space cures it. EFBIG is the account's or the
    /// file system's limit on a file's size (`ulimit -f`).
    public var isFullDisk: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }

    /// Whether the disk may not be written to.
    public var isReadOnlyDisk: Bool { code == EROFS || code == EACCES || code == EPERM }

    /// Whether the system had no room, no right, no descriptors or no memory for a write: something that an operator can
    /// cure while a program waits.
    public var isDiskUnavailable: Bool {
        isFullDisk || isReadOnlyDisk || code == EIO || code == EMFILE || code == ENFILE || code == ENOMEM
    }
}
