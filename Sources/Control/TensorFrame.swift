/// What the bytes of a tensor frame are.
public enum TensorFrameKind: UInt8, Sendable, CaseIterable {
    /// Trainer to daemon: float32 little-endian elements of the pseudo-gradient; the offset counts elements.
    case delta = 1
    /// Trainer to daemon: bytes of an encoded contribution; tensor index 0, the offset counts bytes.
    case encoded = 2
    /// From the daemon: float32 little-endian elements of a base version; the offset counts elements.
    case parameters = 3
    /// Daemon to operator: bytes of an exported ledger; tensor index 0, the offset counts bytes.
    case ledger = 4
    /// Daemon to operator: bytes of a file of evidence; tensor index 0, the offset counts bytes.
    case evidence = 5
    /// From the daemon: bytes of the payload of a contribution; tensor index 0, the offset counts bytes.
    case contribution = 6

    /// Whether a trainer may send it. Nothing else is accepted by the daemon.
    public var isTowardDaemon: Bool { self == .delta || self == .encoded }
}

/// A part of a transfer: a 17-byte header (transfer u32, kind u8, tensor index u32, offset u64, little-endian) and raw
/// bytes up to the end of the frame. Carries numbers only; which tensors there are, `trainer.attach` has said.
public struct TensorFrame: Hashable, Sendable {
    public static let headerBytes = 17
    /// The most raw bytes in one frame.
    public static let limitBytes = FrameKind.tensor.limitBytes - headerBytes

    public let transfer: UInt32
    public let kind: TensorFrameKind
    /// The tensor's place in the layout.
    public let tensorIndex: UInt32
    /// Where in the tensor the bytes begin: in elements or bytes, as `kind` says.
    public let offset: UInt64
    public let bytes: [UInt8]

    public init(transfer: UInt32, kind: TensorFrameKind, tensorIndex: UInt32, offset: UInt64, bytes: [UInt8]) {
        self.transfer = transfer
        self.kind = kind
        self.tensorIndex = tensorIndex
        self.offset = offset
        self.bytes = bytes
    }

    /// Reads the payload of a frame of kind `tensor`. Whether index, offset and length fit the layout is the
    /// receiver's to check.
    public init(payload: [UInt8]) throws(FrameError) {
        guard payload.count >= TensorFrame.headerBytes else { throw .tensorHeaderTooShort(bytes: payload.count) }
        guard let kind = TensorFrameKind(rawValue: payload[4]) else { throw .unknownTensorKind(payload[4]) }
        self.init(
            transfer: LittleEndian.read(UInt32.self, payload, at: 0), kind: kind,
            tensorIndex: LittleEndian.read(UInt32.self, payload, at: 5),
            offset: LittleEndian.read(UInt64.self, payload, at: 9),
            bytes: Array(payload[TensorFrame.headerBytes...]))
    }

    /// The frame that carries it.
    /// - Throws: `FrameError.tooLong` above `limitBytes` raw bytes.
    public func frame() throws(FrameError) -> Frame {
        var payload: [UInt8] = []
        payload.reserveCapacity(TensorFrame.headerBytes + bytes.count)
        LittleEndian.append(transfer, to: &payload)
        payload.append(kind.rawValue)
        LittleEndian.append(tensorIndex, to: &payload)
        LittleEndian.append(offset, to: &payload)
        payload.append(contentsOf: bytes)
        return try Frame(kind: .tensor, payload: payload)
    }
}
