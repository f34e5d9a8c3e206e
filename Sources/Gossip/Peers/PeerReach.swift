import Crypto
import Ledger

/// To which members a peer has links, as it said.
struct PeerReach {
    let members: MemberSet
    /// The peer counts as within its own reach.
    private let linked: Bitmap

    /// - Parameter linked: bits over `members`.
    init(of peer: MemberID, members: MemberSet, linked: Bitmap) {
        self.members = members
        var linked = linked
        if let own = members.index(of: peer) { linked.insert(own) }
        self.linked = linked
    }

    func contains(_ member: MemberID) -> Bool { members.index(of: member).map { linked[$0] } ?? false }

    /// Members of the set without a link to the peer, ascending.
    var lacking: [MemberID] {
        linked.clear(from: 0, limit: members.count, where: { _ in true }).map { members.members[$0].id }
    }
}

/// How many peers lack a link to whom, so that in a full mesh nobody is looked for with every message.
struct ReachCounts {
    /// By digest of the set that their words are about.
    private var peers: [Digest: Int] = [:]
    private var lacking: [MemberID: Int] = [:]

    mutating func add(_ reach: PeerReach, _ change: Int) {
        peers[reach.members.digest, default: 0] += change
        if peers[reach.members.digest] == 0 { peers[reach.members.digest] = nil }
        for member in reach.lacking {
            lacking[member, default: 0] += change
            if lacking[member] == 0 { lacking[member] = nil }
        }
    }

    /// How many of the peers that said anything have no link to this member; nil where some spoke of another set.
    func lacking(_ member: MemberID, of members: MemberSet) -> Int? {
        guard peers.isEmpty || (peers.count == 1 && peers[members.digest] != nil) else { return nil }
        return lacking[member] ?? 0
    }
}
