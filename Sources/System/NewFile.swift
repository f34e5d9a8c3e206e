import Glibc

/// A file that gets its name when it is whole: it is written under a temporary name, synced, renamed, and its folder synced. After a
/// crash there is the whole file under the name, or what was there before.
///
/// A new file that goes away without `finish` removes what it wrote.
public final class NewFile: Sendable {
    /// The name that the file gets.
    public let path: String
    /// The open file, under its temporary name.
    public let file: File
    private let isFinished = Guarded(false)

    /// What a file is called until it is whole.
    public enum TemporaryName: Sendable {
        /// `NAME.partial`. What a crash left is overwritten. For names that one process at a time writes, in folders of its own.
        case fixed
        /// A name that nothing has yet. For names that other processes may write too, in any folder.
        case unique
    }

    /// - Parameter mode: the permission bits, as the umask allows.
    public init(_ path: String, mode: mode_t = 0o600, temporaryName: TemporaryName) throws(FileError) {
        self.path = path
        switch temporaryName {
        case .fixed: file = try File.open(path + ".partial", .createEmpty(mode: mode))
        case .unique: file = try NewFile.openUnique(path, mode: mode)
        }
    }

    /// A process that crashed can have left a file of the same name: the next number is free.
    private static func openUnique(_ path: String, mode: mode_t) throws(FileError) -> File {
        var number = 0
        while true {
            do throws(FileError) {
                return try File.open("\(path).\(getpid()).\(number).partial", .createNew(mode: mode))
            } catch {
                guard case .alreadyExists = error, number < 65_536 else { throw error }
                number += 1
            }
        }
    }

    deinit {
        if !isFinished.withLock({ $0 }) { File.remove(file.path) }
    }

    /// Syncs the file, gives it its name, and syncs the folder.
    ///
    /// - Parameter isReplacing: whether a file of that name may be replaced.
    /// - Throws: `alreadyExists` if there is one and it may not.
    public func finish(isReplacing: Bool = true) throws(FileError) {
        try file.synchronize()
        if isReplacing {
            try File.rename(file.path, to: path)
            isFinished.withLock { $0 = true }
        } else {
            // rename(2) replaces silently; link(2) refuses if there is a file.
            guard Glibc.link(file.path, path) == 0 else {
                throw errno == EEXIST
                    ? .alreadyExists(file: path) : .system(file: path, operation: "link", code: errno)
            }
            isFinished.withLock { $0 = true }
            File.remove(file.path)
            try Folder.synchronize(File.folder(of: path))
        }
    }
}
