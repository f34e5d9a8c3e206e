import Glibc

/// Whole files.
extension File {
    /// The whole file at `path`.
    ///
    /// - Parameter limitBytes: nothing longer is read.
    public static func contents(of path: String, limitBytes: Int) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        let count = try file.byteCount()
        guard count <= limitBytes else { throw .tooLong(file: path, bytes: count, limitBytes: limitBytes) }
        return try file.read(at: 0, count: count)
    }

    /// Writes a whole file as `NewFile` does. What a write that failed has left is removed.
    ///
    /// - Parameters:
    ///   - mode: the permission bits, as the umask allows.
    ///   - isReplacing: whether a file of that name may be replaced.
    public static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t = 0o600, temporaryName: NewFile.TemporaryName = .unique,
        isReplacing: Bool = true
    ) throws(FileError) {
        let output = try NewFile(path, mode: mode, temporaryName: temporaryName)
        try output.file.write(bytes, at: 0)
        try output.finish(isReplacing: isReplacing)
    }

    /// Adds to the end of a file, made with mode 0600 if it is missing. A write that fails leaves the file as it was.
    public static func append(_ bytes: [UInt8], to path: String) throws(FileError) {
        let file = try open(path, .create())
        let before = try file.byteCount()
        do throws(FileError) { try file.write(bytes, at: before) } catch {
            try file.resize(to: before)
            throw error
        }
    }
}
