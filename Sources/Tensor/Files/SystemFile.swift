import Glibc

/// An open file descriptor with reads and writes at a place, whole or an error.
final class SystemFile: @unchecked Sendable {  // the descriptor is fixed, pread and pwrite share no position
    let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    static func openForReading(_ path: String) throws(ParameterFileError) -> SystemFile {
        // Without O_NONBLOCK a named pipe in the file's place would hold the program up.
        try open(path, O_RDONLY, operation: "open")
    }

    /// A new, empty file; what had this name is emptied.
    static func create(_ path: String, mode: mode_t = 0o600) throws(ParameterFileError) -> SystemFile {
        try open(path, O_RDWR | O_CREAT | O_TRUNC, mode, operation: "create")
    }

    /// An existing file, or a new one.
    static func openForAppending(_ path: String, mode: mode_t = 0o600) throws(ParameterFileError) -> SystemFile {
        try open(path, O_RDWR | O_CREAT, mode, operation: "open")
    }

    func resize(to byteCount: Int) throws(ParameterFileError) {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
            throw .system(file: path, operation: "truncate", code: errno)
        }
    }

    private static func open(
        _ path: String, _ flags: Int32, _ mode: mode_t = 0, operation: String
    ) throws(ParameterFileError) -> SystemFile {
        // A C string ends at a zero byte: another file than the one that is named would be opened.
        guard !path.utf8.contains(0) else { throw .system(file: path, operation: operation, code: EINVAL) }
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode)
        guard descriptor >= 0 else { throw .system(file: path, operation: operation, code: errno) }
        let file = SystemFile(path: path, descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(file: path, operation: "stat", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(file: path) }
        return file
    }

    func byteCount() throws(ParameterFileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(file: path, operation: "stat", code: errno) }
        return Int(status.st_size)
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ParameterFileError) {
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .system(file: path, operation: "read", code: errno) }
            guard got > 0 else {
                throw .wrongSize(file: path, expectedBytes: offset + buffer.count, foundBytes: offset + done)
            }
            done += got
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ParameterFileError) {
        var done = 0
        while done < bytes.count {
            let wrote = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else {
                throw .system(file: path, operation: "write", code: wrote == 0 ? EIO : errno)
            }
            done += wrote
        }
    }

    func synchronize() throws(ParameterFileError) {
        guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "fsync", code: errno) }
    }

    /// Gives a synced file its final name, and makes the name itself durable.
    static func adopt(_ temporary: String, as path: String) throws(ParameterFileError) {
        guard rename(temporary, path) == 0 else { throw .system(file: path, operation: "rename", code: errno) }
        try synchronizeFolder(folder(of: path))
    }

    /// Makes new names in a folder durable.
    static func synchronizeFolder(_ folder: String) throws(ParameterFileError) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(file: folder, operation: "open", code: errno) }
        defer { close(descriptor) }
        // Some file systems have no directories to sync.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(file: folder, operation: "fsync", code: errno)
        }
    }

    static func remove(_ path: String) { unlink(path) }

    enum Kind {
        case missing
        case directory
        case other
    }

    /// What is at a path, links followed.
    static func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == ENOENT ? .missing : .other }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    /// The folder that a file lies in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
