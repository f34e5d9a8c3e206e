import Ledger

/// The authenticated links of this node, at most one a member.
struct LinkTable {
    struct Link {
        let member: MemberID
        /// The last height that the peer said it had reached.
        var claimedHeight: Height = .genesis
        /// When the peer's last summary was answered; answers are rate-limited.
        var lastAnswer: Instant?
        /// Pieces in flight, and how many may be: grows by one with each that comes, halves when one times out.
        var inFlight = 0
        var window = LinkTable.windowInitial
        /// Messages that belong to the next height, kept until this node gets there.
        var early: [[UInt8]] = []
        var earlyBytes = 0
    }

    static let windowInitial = 4
    static let windowMinimum = 2
    static let windowMaximum = 32
    static let earlyBytesMaximum = 512 << 10

    private(set) var links: [LinkID: Link] = [:]
    private var byMember: [MemberID: LinkID] = [:]

    subscript(id: LinkID) -> Link? { links[id] }

    /// Links in the order in which they came up.
    var order: [LinkID] { links.keys.sorted() }

    func link(to member: MemberID) -> LinkID? { byMember[member] }

    /// Returns the link that this one replaces.
    mutating func add(_ id: LinkID, member: MemberID) -> LinkID? {
        let replaced = byMember[member]
        if let replaced { links[replaced] = nil }
        links[id] = Link(member: member)
        byMember[member] = id
        return replaced
    }

    mutating func remove(_ id: LinkID) {
        guard let link = links.removeValue(forKey: id) else { return }
        if byMember[link.member] == id { byMember[link.member] = nil }
    }

    mutating func update(_ id: LinkID, _ change: (inout Link) -> Void) {
        if links[id] != nil { change(&links[id]!) }
    }

    var highestClaimed: Height { links.values.map(\.claimedHeight).max() ?? .genesis }
}
