import Glibc

/// Whole small files that a person or another program wrote.
public enum RegularFile {
    /// Reads the file at `path`. A named pipe, a device or a directory in its place is refused and holds nothing up.
    ///
    /// - Parameter limitBytes: nothing longer is read.
    public static func contents(of path: String, limitBytes: Int) throws(ParameterFileError) -> [UInt8] {
        let file = try SystemFile.openForReading(path)
        let count = try file.byteCount()
        guard count <= limitBytes else { throw .tooLong(file: path, bytes: count, limitBytes: limitBytes) }
        let storage = Storage<UInt8>(count: max(count, 1), filledWith: 0)
        let buffer = UnsafeMutableBufferPointer(rebasing: storage.buffer[..<count])
        try file.read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
        return Array(buffer)
    }

    /// Makes a directory and those above it where they are missing, and syncs what was made.
    ///
    /// - Throws: `ParameterFileError.system` with the directory that could not be made and the system's reason.
    public static func makeDirectory(_ path: String, mode: mode_t) throws(ParameterFileError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .system(file: path, operation: "create directory", code: EINVAL)
        }
        // From the first directory that is there downwards, each once: nothing is tried again.
        var missing: [String] = []
        var next = path
        while SystemFile.kind(of: next) != .directory {
            missing.append(next)
            let above = SystemFile.folder(of: next)
            guard above != next else { break }
            next = above
        }
        for folder in missing.reversed() {
            let status = mkdir(folder, mode)
            let code = errno
            // Another process may have made it meanwhile.
            guard status == 0 || SystemFile.kind(of: folder) == .directory else {
                throw .system(file: folder, operation: "create directory", code: code == EEXIST ? ENOTDIR : code)
            }
            if status == 0 { try SystemFile.synchronizeFolder(SystemFile.folder(of: folder)) }
        }
    }

    /// Adds to the end of a file, mode 0600, made if it is missing. A write that fails leaves the file as it was.
    public static func append(_ bytes: [UInt8], to path: String) throws(ParameterFileError) {
        let file = try SystemFile.openForAppending(path)
        let before = try file.byteCount()
        let storage = Storage<UInt8>(count: max(bytes.count, 1), filledWith: 0)
        _ = storage.buffer.update(fromContentsOf: bytes)
        do throws(ParameterFileError) {
            try file.write(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage.buffer)[..<bytes.count]), at: before)
        } catch {
            try file.resize(to: before)
            throw error
        }
    }

    /// Writes under a temporary name, syncs and renames: under `path` there is the whole file or the one before. What a
    /// failed write left is removed.
    ///
    /// - Parameter isPublic: whether other accounts may read the file, as the umask allows.
    public static func write(
        _ bytes: [UInt8], to path: String, isPublic: Bool = false
    ) throws(ParameterFileError) {
        let output = try FilePayloadSink(path: path, isPublic: isPublic)
        try output.write(bytes, at: 0)
        try output.finish()
    }
}
