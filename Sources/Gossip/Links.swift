import Ledger

/// The authenticated links of this node, at most one a member.
struct LinkTable {
    struct Link {
        let member: MemberID
        /// The last height that the peer said it had reached.
        var claimedHeight: Height = .genesis
        /// Whether the peer has said where it stands.
        var hasReported = false
        /// When the peer's last summary was answered; answers are rate-limited.
        var lastAnswer: Instant?
        /// Pieces in flight, and how many may be: one more with each that comes soon, one less with each that comes
        /// late, half as many when one times out. So a line is kept busy and what is asked for never waits on it long:
        /// it may still be asked of somebody else.
        var inFlight = 0
        var window = LinkTable.windowInitial
        /// Messages that belong to the next height, kept until this node gets there.
        var early: [[UInt8]] = []
        var earlyBytes = 0
        /// The life of the peer that its question on this link named.
        var instance: InstanceID?
        /// When a member's start was last answered here, and a report of a member last passed on here.
        var startAnswers: [MemberID: Instant] = [:]
        var passedReports: [MemberID: Instant] = [:]

        /// A piece or block that was asked for came after so long; nil where it did not come in time.
        mutating func noteAnswer(afterMilliseconds took: UInt64?, timeoutMilliseconds: UInt64) {
            inFlight = max(0, inFlight - 1)
            let isSoon = took.map { $0 <= timeoutMilliseconds / LinkTable.windowTimeoutShare }
            let changed = isSoon.map { window + ($0 ? 1 : -1) } ?? window / 2
            window = min(LinkTable.windowMaximum, max(LinkTable.windowMinimum, changed))
        }
        /// The members that the peer said it has links to; nil until it says so, which counts as everybody.
        var reach: Set<MemberID>?
    }

    static let windowInitial = 4
    static let windowMinimum = 2
    static let windowMaximum = 32
    /// Soon is within this share of the time after which a piece is asked of somebody else.
    static let windowTimeoutShare: UInt64 = 16
    static let earlyBytesMaximum = 512 << 10

    private(set) var links: [LinkID: Link] = [:]
    private var byMember: [MemberID: LinkID] = [:]

    subscript(id: LinkID) -> Link? { links[id] }

    /// Links by ascending identifier, which is the order in which they came up.
    private(set) var order: [LinkID] = []

    func link(to member: MemberID) -> LinkID? { byMember[member] }

    /// Returns the link that this one replaces.
    mutating func add(_ id: LinkID, member: MemberID) -> LinkID? {
        let replaced = byMember[member]
        if let replaced { links[replaced] = nil }
        links[id] = Link(member: member)
        byMember[member] = id
        order = links.keys.sorted()
        return replaced
    }

    mutating func remove(_ id: LinkID) {
        guard let link = links.removeValue(forKey: id) else { return }
        order.removeAll { $0 == id }
        if byMember[link.member] == id { byMember[link.member] = nil }
    }

    mutating func update(_ id: LinkID, _ change: (inout Link) -> Void) {
        if links[id] != nil { change(&links[id]!) }
    }

    var highestClaimed: Height { links.values.map(\.claimedHeight).max() ?? .genesis }
}
