import System

/// The bytes of a contribution's payload, readable at any place: on disk, or in memory.
public protocol PayloadReader: Sendable {
    var byteCount: Int { get }

    /// Fills `buffer` with the bytes from `offset` on, which must lie inside the payload.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(CodecError)
}

/// A payload in memory.
public struct MemoryPayload: PayloadReader {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public var byteCount: Int { bytes.count }

    public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(CodecError) {
        precondition(offset >= 0 && buffer.count <= bytes.count - offset)
        buffer.copyBytes(from: bytes[offset..<offset + buffer.count])
    }
}

/// A payload in a file that does not change while it is read. From several threads at once if need be.
public struct FilePayload: PayloadReader {
    public let byteCount: Int
    private let file: File

    public init(path: String) throws(FileError) {
        file = try File.open(path, .read)
        byteCount = try file.byteCount()
    }

    public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(CodecError) {
        do throws(FileError) {
            try file.read(at: offset, into: buffer)
        } catch {
            throw .unreadable(error)
        }
    }
}
