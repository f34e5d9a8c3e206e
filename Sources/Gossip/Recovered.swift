import Crypto
import Ledger
import Link

/// What the shell reads from disk before the first event.
public struct Recovered: Sendable {
    /// The chain up to the last adopted version.
    public let chain: Chain
    /// The last adopted version; nil at genesis.
    public let head: CertifiedVersion?
    /// Every journal entry that is not an adoption, in the order in which they became durable, at least from the
    /// last `maxStaleness + 1` heights on.
    public let journal: [JournalEntry]
    /// For each contribution in the journal or with pieces on disk: which pieces are there (verified).
    public let pieces: [ContributionDigest: [Bool]]
    /// Contributions that adopted versions list, as far as payloads are kept.
    public let listed: Set<ContributionDigest>
    /// Certified versions beyond the head that a header sync left on disk; nil where there are none and none is
    /// awaited.
    public let headerSync: HeaderSync?
    /// The parameters of the chain's head are not on disk.
    public var lacksParameters: Bool

    public init(
        chain: Chain, head: CertifiedVersion? = nil, journal: [JournalEntry] = [],
        pieces: [ContributionDigest: [Bool]] = [:], listed: Set<ContributionDigest> = [], headerSync: HeaderSync? = nil,
        lacksParameters: Bool = false
    ) {
        self.chain = chain
        self.head = head
        self.journal = journal
        self.pieces = pieces
        self.listed = listed
        self.headerSync = headerSync
        self.lacksParameters = lacksParameters
    }
}

/// Who this node is.
public struct NodeIdentity: Sendable {
    public let member: MemberID
    public let nodeKey: SigningKey
    /// The key that a rotation is to put in its place; each signs where the member set knows it.
    public let nextNodeKey: SigningKey?
    /// What it announces of itself, each `host:port`.
    public let addresses: [String]

    public init(member: MemberID, nodeKey: SigningKey, nextNodeKey: SigningKey? = nil, addresses: [String]) {
        self.member = member
        self.nodeKey = nodeKey
        self.nextNodeKey = nextNodeKey
        self.addresses = addresses
    }
}

/// Times in milliseconds. None of them is ever part of what makes something valid.
public struct Timing: Sendable {
    /// How long after the last version a member waits for contributions before it calls the round ready with what
    /// there is.
    public var roundDeadline: UInt64 = 120_000
    /// Once enough contributions are there, wait for the rest this share of the time it took, in percent.
    public var gracePercent: UInt64 = 50
    public var graceMinimum: UInt64 = 500
    /// So many graces at first if enough are there only with suspects.
    public var doubtfulGraces: UInt64 = 6
    /// T0: how long view 1 may take; doubles with every view.
    public var viewInitial: UInt64 = 2_000
    public var viewMaximum: UInt64 = 120_000
    /// Between two inventory summaries without progress.
    public var antiEntropyInterval: UInt64 = 1_000
    /// A piece that was asked for and has not come is asked of another peer.
    public var pieceTimeout: UInt64 = 10_000

    public init() {}
}
