import Crypto
import Ledger

/// The first byte of a frame's plaintext: what the rest is.
enum FrameKind: UInt8, CaseIterable {
    /// Header of a control message and its first bytes.
    case controlBegin = 1
    /// Further bytes of the control message under way.
    case controlContinuation = 2
    /// Header of a piece and its first bytes.
    case pieceBegin = 3
    /// Further bytes of the piece under way.
    case pieceContinuation = 4
    /// Eight bytes that the other side sends back.
    case ping = 5
    /// The eight bytes of a ping.
    case pong = 6
    /// Nothing more; the sender's direction changes its key right after this frame.
    case rekey = 7
}

/// What stands at the head of a message in its first fragment. Each of the two streams of a link has its own.
protocol StreamHeader {
    static var begin: FrameKind { get }
    static var continuation: FrameKind { get }
    /// The bytes of the message that follow the header, in this frame and the further ones. Within its limit.
    var byteCount: Int { get }
    var encoded: [UInt8] { get }
    /// Takes the header off the head of `body`; every number in it is checked here.
    init(from body: inout ArraySlice<UInt8>) throws(LinkError)
}

/// The header of a control message: its length in four bytes.
struct ControlHeader: StreamHeader {
    static let begin = FrameKind.controlBegin
    static let continuation = FrameKind.controlContinuation

    let byteCount: Int

    init(byteCount: Int) { self.byteCount = byteCount }

    var encoded: [UInt8] { bigEndian(UInt32(byteCount)) }

    init(from body: inout ArraySlice<UInt8>) throws(LinkError) {
        guard let byteCount = body.takeUInt32() else { throw .truncatedHeader(kind: Self.begin.rawValue) }
        guard (1...LinkLimits.messageBytesMaximum).contains(Int(byteCount)) else {
            throw .controlLength(byteCount: Int(byteCount), byteCountMax: LinkLimits.messageBytesMaximum)
        }
        self.byteCount = Int(byteCount)
    }
}

/// The header of a piece: contribution digest (32 bytes), index (4), number of proof digests (1), byte count (4), the
/// proof's digests (32 each, lowest first).
struct PieceHeader: StreamHeader {
    static let begin = FrameKind.pieceBegin
    static let continuation = FrameKind.pieceContinuation

    let name: PieceName
    let proof: [Digest]
    let byteCount: Int

    init(name: PieceName, proof: [Digest], byteCount: Int) {
        self.name = name
        self.proof = proof
        self.byteCount = byteCount
    }

    var encoded: [UInt8] {
        name.contribution.digest.bytes + bigEndian(UInt32(name.index)) + [UInt8(proof.count)]
            + bigEndian(UInt32(byteCount)) + proof.flatMap(\.bytes)
    }

    init(from body: inout ArraySlice<UInt8>) throws(LinkError) {
        guard let contribution = body.takeDigest(), let index = body.takeUInt32(), let digestCount = body.popFirst(),
            let byteCount = body.takeUInt32()
        else { throw .truncatedHeader(kind: Self.begin.rawValue) }
        guard Int(digestCount) <= LinkLimits.proofDigestsMaximum else {
            throw .proofLength(digestCount: Int(digestCount), digestCountMax: LinkLimits.proofDigestsMaximum)
        }
        guard (1...LinkLimits.pieceBytesMaximum).contains(Int(byteCount)) else {
            throw .pieceLength(byteCount: Int(byteCount), byteCountMax: LinkLimits.pieceBytesMaximum)
        }
        var proof: [Digest] = []
        for _ in 0..<digestCount {
            guard let digest = body.takeDigest() else { throw .truncatedHeader(kind: Self.begin.rawValue) }
            proof.append(digest)
        }
        name = PieceName(contribution: .init(contribution), index: Int(index))
        self.proof = proof
        self.byteCount = Int(byteCount)
    }
}

/// The bytes of an integer, most significant first.
func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

extension ArraySlice<UInt8> {
    /// The integer in the first four bytes, which are taken off; nil where there are fewer.
    mutating func takeUInt32() -> UInt32? {
        guard count >= 4 else { return nil }
        defer { self = dropFirst(4) }
        return prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The digest in the first 32 bytes, which are taken off; nil where there are fewer.
    mutating func takeDigest() -> Digest? {
        guard let digest = Digest(bytes: prefix(Digest.byteCount)) else { return nil }
        self = dropFirst(Digest.byteCount)
        return digest
    }
}
