import Tensor

/// Everything that reads bytes from outside, each behind one function that takes any bytes at all. It returns, or it
/// stops the process: a crash, a precondition that does not hold, a loop or memory without end is the finding.
///
/// libFuzzer drives them from the package in Fuzz/; the tests replay its corpora and its kept failures through the very
/// same functions.
public enum FuzzEntry: String, CaseIterable, Sendable {
    /// Every kind of record of the ledger, and every kind of entry of a node's journal.
    case records
    /// The responder of a link's handshake, and what follows it.
    case linkResponder = "link-responder"
    /// The initiator of a link's handshake.
    case linkInitiator = "link-initiator"
    /// A node among four, one of whose peers says anything at all.
    case member
    /// Frames and messages of the control socket.
    case control
    /// The payload of a contribution, under each codec profile.
    case payload
    /// A compressed frame of a piece.
    case pieceFrame = "piece-frame"
    /// A safetensors file.
    case safetensors
    /// An exported ledger.
    case ledgerFile = "ledger-file"
    /// A key file, without its passphrase.
    case keyFile = "key-file"

    /// The codec profiles of `payload`: both ways to write positions, every number of bits, both dense kinds.
    static let profiles: [CodecProfile] = [
        .standard, .topK(kept: 64, bits: 4), .denseFloat32, .topK(kept: 200, bits: 1), .topK(kept: 1024, bits: 2),
        .topK(kept: 4096, bits: 8), .denseBFloat16,
    ]

    /// How many versions the member of `member` adopts under this script.
    public static func heightReached(by script: [UInt8]) -> UInt64 { MemberEntry.run(script).value }

    public func run(_ bytes: [UInt8]) {
        switch self {
        case .records: RecordEntry.run(bytes)
        case .linkResponder: LinkEntry.respond(to: bytes)
        case .linkInitiator: LinkEntry.initiate(with: bytes)
        case .member: _ = MemberEntry.run(bytes)
        case .control: ControlEntry.run(bytes)
        case .payload: FileEntry.payload(bytes)
        case .pieceFrame: PieceFrameEntry.run(bytes)
        case .safetensors: FileEntry.safetensors(bytes)
        case .ledgerFile: FileEntry.ledger(bytes)
        case .keyFile: FileEntry.key(bytes)
        }
    }
}
