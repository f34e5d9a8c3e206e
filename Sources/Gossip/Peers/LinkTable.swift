import Ledger
import Link

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
        /// How many pieces of each contribution that may still be asked for the peer was given.
        fileprivate(set) var piecesGiven: [ContributionDigest: Int] = [:]
        /// Pieces in flight, and how many may be: one more with each that comes soon, one less with each that comes
        /// late, half as many when one times out. So a line is kept busy and what is asked for never waits on it long:
        /// it may still be asked of somebody else.
        var inFlight = 0
        var window = LinkTable.windowInitial
        /// Messages that belong to the next height, kept until this node gets there, and the bytes of their encodings.
        /// Decoded once: each question of a starting member looks through all of them.
        var early: [Message] = []
        var earlyBytes = 0
        /// The life of the peer that its question on this link named.
        var instance: InstanceID?
        /// How often that life has asked on this link that its question be passed on.
        var passingsAsked = 0
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
        fileprivate(set) var reach: PeerReach?
        /// Whether it was given the addresses of the members that it cannot ask itself.
        var hasAddresses = false
    }

    static let windowInitial = 4
    static let windowMinimum = 2
    static let windowMaximum = 32
    /// Soon is within this share of the time after which a piece is asked of somebody else.
    static let windowTimeoutShare: UInt64 = 16
    static let earlyBytesMaximum = 512 << 10

    private(set) var links: [LinkID: Link] = [:]
    private var byMember: [MemberID: LinkID] = [:]
    private(set) var reachCounts = ReachCounts()

    subscript(id: LinkID) -> Link? { links[id] }

    /// Links by ascending identifier, which is the order in which they came up.
    private(set) var order: [LinkID] = []

    /// The height that more peers than `count` say they have reached, so that as many may overclaim; where no more are
    /// linked, the height that all of them say.
    func height(claimedByMoreThan count: Int) -> Height {
        let claims = links.values.map(\.claimedHeight).sorted(by: >)
        return claims.isEmpty ? .genesis : claims[min(count, claims.count - 1)]
    }

    /// In no order.
    var members: some Collection<MemberID> { byMember.keys }

    func link(to member: MemberID) -> LinkID? { byMember[member] }

    /// Returns the link that this one replaces.
    mutating func add(_ id: LinkID, member: MemberID) -> LinkID? {
        let replaced = byMember[member]
        if let replaced { remove(replaced) }
        links[id] = Link(member: member)
        byMember[member] = id
        order = links.keys.sorted()
        return replaced
    }

    mutating func remove(_ id: LinkID) {
        setReach(nil, of: id)
        guard let link = links.removeValue(forKey: id) else { return }
        earlyBytes -= link.earlyBytes
        order.removeAll { $0 == id }
        if byMember[link.member] == id { byMember[link.member] = nil }
        if link.claimedHeight == highestClaimed {
            highestClaimed = links.values.map(\.claimedHeight).max() ?? .genesis
        }
    }

    /// A peer asks for a piece again where it has lost it, and from several: more often than this it only costs us
    /// work.
    static let givenPerPiece = 4

    /// Takes room for pieces of a contribution that has `pieceCount` of them. Returns for how many there is room.
    mutating func takeRoom(for count: Int, of contribution: ContributionDigest, pieceCount: Int, on id: LinkID) -> Int {
        guard let link = links[id] else { return 0 }
        let given = link.piecesGiven[contribution] ?? 0
        let room = min(count, max(0, LinkTable.givenPerPiece * pieceCount - given))
        if room > 0 { links[id]?.piecesGiven[contribution] = given + room }
        return room
    }

    /// Members that were asked in vain for pieces or blocks that others made.
    private var relayFailures = FailureRecords(pauseMaximum: 1024)

    /// Pieces or blocks that other members made did not come in time from this one.
    mutating func noteRelayFailure(of member: MemberID, at height: Height) { relayFailures.note(member, at: height) }

    /// Whether the member may be asked for what others made like any other member.
    func isRelay(_ member: MemberID, at height: Height) -> Bool { !relayFailures.isPaused(member, at: height) }

    /// Forgets what was given of contributions that no peer may ask for any more.
    mutating func forgetPiecesGiven(except isKept: (ContributionDigest) -> Bool) {
        for id in order {
            guard let given = links[id]?.piecesGiven else { continue }
            links[id]?.piecesGiven = given.filter { isKept($0.key) }
        }
    }

    mutating func update(_ id: LinkID, _ change: (inout Link) -> Void) {
        guard links[id] != nil else { return }
        let after = LinkTable.change(&links[id]!, change)
        highestClaimed = max(highestClaimed, after.claimedHeight)
        earlyBytes += after.earlyBytesMore
    }

    private static func change(
        _ link: inout Link, _ change: (inout Link) -> Void
    ) -> (claimedHeight: Height, earlyBytesMore: Int) {
        let before = link.earlyBytes
        change(&link)
        return (link.claimedHeight, link.earlyBytes - before)
    }

    mutating func setReach(_ reach: PeerReach?, of id: LinkID) {
        if let before = links[id]?.reach { reachCounts.add(before, -1) }
        guard links[id] != nil else { return }
        links[id]?.reach = reach
        if let reach { reachCounts.add(reach, 1) }
    }

    private(set) var highestClaimed = Height.genesis
    /// Of all links together.
    private(set) var earlyBytes = 0
}
