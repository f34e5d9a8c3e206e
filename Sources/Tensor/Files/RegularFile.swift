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

    /// Writes under a temporary name, syncs and renames: under `path` there is the whole file or the one before. What a
    /// failed write left is removed.
    public static func write(_ bytes: [UInt8], to path: String) throws(ParameterFileError) {
        let output = try FilePayloadSink(path: path)
        try output.write(bytes, at: 0)
        try output.finish()
    }
}
