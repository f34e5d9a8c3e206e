import Crypto
import Ledger

/// The limits of a link (protocol.md, "Link"). Both ends enforce them, so none may differ between two daemons of one
/// wire version.
public enum LinkLimits {
    /// A handshake message on the wire, without its two bytes of length.
    public static let handshakeFrameBytesMaximum = 512
    /// From the connection's start until both sides have accepted each other.
    public static let handshakeMilliseconds: UInt64 = 5_000
    /// A frame on the wire, tag included, without its two bytes of length.
    public static let frameBytesMaximum = NoiseCipher.frameBytesMax
    /// What a frame carries at most, its kind included.
    static let plaintextBytesMaximum = NoiseCipher.plaintextBytesMax
    /// The two bytes of length, most significant first, before each frame.
    static let prefixBytes = 2
    /// A control message.
    public static let messageBytesMaximum = 64 << 10
    /// The raw bytes of a piece.
    public static let pieceBytesMaximum = Int(Limits.pieceBytesMaximum)
    /// The siblings of a Merkle proof: enough for any index of 32 bits.
    public static let proofDigestsMaximum = 32
    /// Frames in one direction after which that direction changes its key.
    public static let rekeyFrames: UInt64 = 1 << 20
    /// A direction changes its key at least this often.
    public static let rekeyMilliseconds: UInt64 = 3_600_000
    /// The other side may change its key no sooner after the last time.
    public static let rekeyMillisecondsMinimum: UInt64 = 60_000
    /// Between two measurements of the round trip.
    public static let pingMilliseconds: UInt64 = 10_000
    /// With a ping unanswered and nothing heard for so long, the link counts as dead.
    public static let silenceMilliseconds: UInt64 = 20_000
}
