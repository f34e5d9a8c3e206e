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
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(file: path, operation: "open", code: errno) }
        return SystemFile(path: path, descriptor: descriptor)
    }

    /// A new, empty file; what had this name is emptied.
    static func create(_ path: String, mode: mode_t = 0o600) throws(ParameterFileError) -> SystemFile {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .system(file: path, operation: "create", code: errno) }
        return SystemFile(path: path, descriptor: descriptor)
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
            guard wrote > 0 else { throw .system(file: path, operation: "write", code: errno) }
            done += wrote
        }
    }

    func synchronize() throws(ParameterFileError) {
        guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "fsync", code: errno) }
    }

    /// Gives a synced file its final name, and makes the name itself durable.
    static func adopt(_ temporary: String, as path: String) throws(ParameterFileError) {
        guard rename(temporary, path) == 0 else { throw .system(file: path, operation: "rename", code: errno) }
        let folder: String
        if let slash = path.lastIndex(of: "/") {
            folder = slash == path.startIndex ? "/" : String(path[..<slash])
        } else {
            folder = "."
        }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(file: folder, operation: "open", code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(file: folder, operation: "fsync", code: errno) }
    }

    static func remove(_ path: String) { unlink(path) }
}
