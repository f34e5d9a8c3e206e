/// What one frame on the control socket carries.
public enum FrameKind: UInt8, Sendable, CaseIterable {
    /// One JSON-RPC 2.0 message in UTF-8.
    case message = 0
    /// One `TensorFrame`.
    case tensor = 1

    /// The most payload bytes that a frame of this kind may announce.
    public var limitBytes: Int {
        switch self {
        case .message: 1 << 20
        case .tensor: 4 << 20
        }
    }
}

/// A frame: 4 bytes payload length (little-endian, these 5 bytes not counted), 1 byte kind, payload.
public struct Frame: Hashable, Sendable {
    public static let headerBytes = 5

    public let kind: FrameKind
    public let payload: [UInt8]

    /// - Throws: `FrameError.tooLong` where the payload exceeds the kind's limit.
    public init(kind: FrameKind, payload: [UInt8]) throws(FrameError) {
        guard payload.count <= kind.limitBytes else {
            throw .tooLong(kind: kind, announcedBytes: UInt64(payload.count), limitBytes: kind.limitBytes)
        }
        self.kind = kind
        self.payload = payload
    }

    /// The frame as it goes over the socket.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Frame.headerBytes + payload.count)
        LittleEndian.append(UInt32(payload.count), to: &bytes)
        bytes.append(kind.rawValue)
        bytes.append(contentsOf: payload)
        return bytes
    }
}

/// Why bytes on the control socket are no frames. The connection that sent them cannot be read any further.
public enum FrameError: Error, Hashable, Sendable {
    case unknownKind(UInt8)
    case tooLong(kind: FrameKind, announcedBytes: UInt64, limitBytes: Int)
    /// A tensor frame is shorter than its header.
    case tensorHeaderTooShort(bytes: Int)
    case unknownTensorKind(UInt8)
}

/// Cuts a stream of bytes into frames. Holds no more than what arrived, and refuses an announced length before any of
/// its payload is kept.
public struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    private var failure: FrameError?

    public init() {}

    /// Bytes held that belong to no finished frame yet.
    public var bufferedBytes: Int { buffer.count - start }

    /// Takes what arrived. After an error, bytes are dropped.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        compact()
        buffer.append(contentsOf: bytes)
    }

    /// Takes what arrived. After an error, bytes are dropped.
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The next whole frame, nil where more bytes are needed. An error is final: it is thrown again at each call.
    public mutating func next() throws(FrameError) -> Frame? {
        if let failure { throw failure }
        do {
            return try decode()
        } catch {
            failure = error
            buffer = []
            start = 0
            throw error
        }
    }

    private mutating func decode() throws(FrameError) -> Frame? {
        guard bufferedBytes >= Frame.headerBytes else { return nil }
        let length = LittleEndian.read(UInt32.self, buffer, at: start)
        let code = buffer[start + 4]
        guard let kind = FrameKind(rawValue: code) else { throw .unknownKind(code) }
        guard length <= kind.limitBytes else {
            throw .tooLong(kind: kind, announcedBytes: UInt64(length), limitBytes: kind.limitBytes)
        }
        let end = start + Frame.headerBytes + Int(length)
        guard buffer.count >= end else { return nil }
        let payload = Array(buffer[start + Frame.headerBytes..<end])
        start = end
        return try Frame(kind: kind, payload: payload)
    }

    /// Gives consumed bytes back once they are the larger part, so that each byte is moved a bounded number of times.
    private mutating func compact() {
        guard start > 0, start * 2 >= buffer.count else { return }
        buffer.removeFirst(start)
        start = 0
    }
}

/// Little-endian integers in byte arrays whose bounds the caller has checked.
enum LittleEndian {
    static func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }

    static func read<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, _ bytes: [UInt8], at index: Int)
        -> Value
    {
        var value: Value = 0
        for position in 0..<Value.bitWidth / 8 {
            value |= Value(bytes[index + position]) << Value(position * 8)
        }
        return value
    }
}

extension FrameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownKind(let kind): "a frame is of unknown kind \(kind)"
        case .tooLong(let kind, let announced, let limit):
            "a frame of kind \(kind.rawValue) announces \(announced) bytes, at most \(limit) are possible"
        case .tensorHeaderTooShort(let bytes): "a tensor frame has \(bytes) bytes, fewer than its header"
        case .unknownTensorKind(let kind): "a tensor frame is of unknown kind \(kind)"
        }
    }
}
