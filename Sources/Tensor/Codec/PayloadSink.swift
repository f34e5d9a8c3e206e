/// Takes the bytes of a payload, each once: the segments in order, then the header and directory before them.
public protocol PayloadSink: AnyObject {
    func write(_ bytes: [UInt8], at offset: Int) throws(ParameterFileError)
}

/// Collects a payload in memory.
public final class MemoryPayloadSink: PayloadSink {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public func write(_ bytes: [UInt8], at offset: Int) throws(ParameterFileError) {
        let end = offset + bytes.count
        if self.bytes.count < end { self.bytes += [UInt8](repeating: 0, count: end - self.bytes.count) }
        self.bytes.replaceSubrange(offset..<end, with: bytes)
    }
}

/// Writes a payload under a temporary name; `finish` syncs it and gives it its name.
public final class FilePayloadSink: PayloadSink {
    private let path: String
    private let temporary: String
    private let file: SystemFile
    private var isFinished = false

    /// - Parameter isPublic: whether other accounts may read the file, as the umask allows; else it is the owner's alone.
    public init(path: String, isPublic: Bool = false) throws(ParameterFileError) {
        self.path = path
        temporary = path + ".partial"
        file = try SystemFile.create(temporary, mode: isPublic ? 0o666 : 0o600)
    }

    deinit { if !isFinished { SystemFile.remove(temporary) } }

    public func write(_ bytes: [UInt8], at offset: Int) throws(ParameterFileError) {
        let storage = Storage<UInt8>(count: max(bytes.count, 1), filledWith: 0)
        _ = storage.buffer.update(fromContentsOf: bytes)
        try file.write(
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage.buffer)[..<bytes.count]), at: offset)
    }

    /// Syncs the file, renames it, and syncs the folder.
    public func finish() throws(ParameterFileError) {
        try file.synchronize()
        try SystemFile.adopt(temporary, as: path)
        isFinished = true
    }
}
