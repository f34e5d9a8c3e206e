import Crypto
import Ledger
import Link

/// One authenticated link to a member. Never reused within a process.
public struct LinkID: Hashable, Comparable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (left: LinkID, right: LinkID) -> Bool { left.value < right.value }
}

/// Names bytes of a received piece that the shell holds until the core says what becomes of them.
public struct PieceHandle: Hashable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
}

/// Names a batch that the core asked to have made durable. Ascending.
public struct PersistTicket: Hashable, Comparable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (left: PersistTicket, right: PersistTicket) -> Bool { left.value < right.value }
}

/// What became of a piece that the core asked to have stored.
public enum PieceOutcome: Equatable, Sendable {
    /// Its leaf stands under the signed root and it is in the blob (not necessarily synced yet).
    case stored
    /// It does not stand under the signed root: whoever sent it is cut off.
    case mismatch
    /// The disk failed; the piece is asked for again later.
    case failed
}

/// What validation of a complete contribution found. The refusal's name is one of protocol.md "Contribution".
public enum ValidationOutcome: Equatable, Sendable {
    /// Valid, and the blob is synced to disk.
    case valid
    case refused(String)
    /// The disk failed or the base's parameters are not here: asked again later.
    case failed
}

/// Names an averaging: the parent version and the manifest that is averaged on top of it.
public struct AveragingID: Hashable, Sendable {
    public let digest: Digest

    public init(parent: VersionDigest, manifest: [ManifestEntry]) {
        let body = CBOR.array([.bytes(parent.digest.bytes), .array(manifest.map(\.cbor))])
        digest = Digest(DigestDomain("mesh/averaging"), body.encoded)
    }
}

/// What happens to a node. One event at a time, on one thread.
public enum Event: Sendable {
    /// The first event of a process's life.
    case start
    /// A link passed its handshake as this member.
    case linkUp(LinkID, MemberID)
    case linkDown(LinkID)
    /// One whole control message, at most `Wire.messageBytesMaximum` bytes.
    case message(LinkID, [UInt8])
    /// One whole piece as it came, `byteCount` bytes. If these are fewer than the piece has, they are a compressed frame of
    /// it. The shell holds them under the handle until `storePiece` or `dropPiece` names it.
    case piece(LinkID, PieceName, byteCount: Int, PieceHandle)
    /// The instant that `setTimer` asked for has come.
    case timer
    case persisted(PersistTicket)
    case pieceStored(PieceName, PieceOutcome, from: LinkID)
    /// A piece that was stored is damaged or gone: it is fetched again.
    case pieceLost(PieceName)
    /// Bytes free on the disk of the node's state: at the start, now and then, and after a write that failed.
    case freeSpace(UInt64)
    case validated(ContributionDigest, ValidationOutcome)
    /// The roots that an averaging gave; nil where it failed for a reason of this machine (asked again later).
    case averaged(AveragingID, StateRoots?)
    /// The averaging has no result on any machine, for the named reason.
    case averagingRefused(AveragingID, reason: String)
    /// The trainer handed over a contribution: its payload lies complete and synced in the store, and with it the
    /// residual that follows; both become binding with the slot, in one transaction (`JournalEntry.ownContribution`).
    case contribute(Contribution)
    /// An operator says that this node's state came from a backup: its journal counts as lost.
    case recover
    /// What the replay without these exclusions, through `parent`, gave; nil where it failed for a reason of this machine
    /// (asked again later).
    case replayed(parent: VersionDigest, exclusions: Digest, StateRoots?)
    /// Which blocks of the parameters under this root are here and right; one flag a block.
    case parametersOpened(Digest, held: [Bool])
    case blockStored(BlockName, PieceOutcome, from: LinkID)
    /// All blocks lie checked and synced under their root; where some do not, they are fetched again.
    case parametersCompleted(Digest, held: [Bool])
    /// A governance action with a signature of this site's operator, or signatures that it was given by others: merged
    /// with what is known of it. `Node.refusal(of:)` says beforehand whether it would be taken.
    case govern(SignedGovernanceAction)
    /// A veto or an approval that this site's operator signed.
    case review(SignedReview)
    /// This site's operator takes its signature back from a pending action, or rejects one.
    case judge(JudgedProposal)
    /// The keys with which this node signs from now on, each where the member set knows it: the present one, and the one
    /// that a rotation is to put in its place.
    case keys(nodeKey: SigningKey, next: SigningKey?)
}
