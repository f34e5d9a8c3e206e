import System

/// Takes the bytes of a payload, each once: the segments in order, then the header and directory before them.
public protocol PayloadSink: AnyObject {
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError)
}

/// Collects a payload in memory.
public final class MemoryPayloadSink: PayloadSink {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        let end = offset + bytes.count
        if self.bytes.count < end { self.bytes += [UInt8](repeating: 0, count: end - self.bytes.count) }
        self.bytes.replaceSubrange(offset..<end, with: bytes)
    }
}

/// Writes a payload under a temporary name; `finish` syncs it and gives it its name.
public final class FilePayloadSink: PayloadSink {
    private let output: NewFile

    /// - Parameter isPublic: whether other accounts may read the file, as the umask allows; else it is the owner's alone.
    public init(path: String, isPublic: Bool = false) throws(FileError) {
        output = try NewFile(path, mode: isPublic ? 0o666 : 0o600, temporaryName: .fixed)
    }

    public func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        try output.file.write(bytes, at: offset)
    }

    /// Syncs the file, renames it, and syncs the folder.
    public func finish() throws(FileError) { try output.finish() }
}
