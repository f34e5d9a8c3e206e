import Glibc

/// Reads whole files that are small by their nature.
public enum SmallFile {
    /// - Parameter limitBytes: a longer file is refused before anything is read.
    public static func read(_ path: String, limitBytes: Int) throws(SiteFileError) -> [UInt8] {
        // Without O_NONBLOCK a named pipe in the file's place would hold the program up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SiteFileError(path, "is not a regular file") }
        guard status.st_size <= limitBytes else {
            throw SiteFileError(path, "has \(status.st_size) bytes; at most \(limitBytes) are expected")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            }
            let code = errno
            if got < 0 && code == EINTR { continue }
            guard got >= 0 else { throw failure(path, code) }
            guard got > 0 else { throw SiteFileError(path, "became shorter while it was read; try again") }
            done += got
        }
        return bytes
    }

    private static func failure(_ path: String, _ code: Int32) -> SiteFileError {
        SiteFileError(path, "cannot be read: \(String(cString: strerror(code)))")
    }
}
