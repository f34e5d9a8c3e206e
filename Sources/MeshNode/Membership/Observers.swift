import Crypto
import Gossip
import Ledger

/// Sites that this one has invited: no members, and yet their daemons may have a link to this one's, to follow the chain
/// and to say that they are ready for their own admission. Kept in the database, by member id.
struct Observers {
    static let maximum = 64

    private(set) var cards: [MemberID: SignedCard] = [:]

    init(_ cards: [SignedCard]) {
        for card in cards { self.cards[card.card.member.id] = card }
    }

    /// Who may have a link with this link key.
    func linkPeer(linkKey: LinkPublicKey) -> LinkPeer? {
        cards.values.first { $0.card.member.linkKey == linkKey }.map {
            LinkPeer(member: $0.card.member.id, nodeKey: $0.card.member.nodeKey)
        }
    }

    mutating func insert(_ card: SignedCard) { cards[card.card.member.id] = card }

    mutating func remove(_ id: MemberID) { cards[id] = nil }

    /// Ascending.
    var ids: [MemberID] { cards.keys.sorted() }

    /// Why the site of this card cannot be invited, as the rest of a sentence about it; nil where it can.
    func refusal(of card: SignedCard, _ chain: Chain) -> String? {
        let member = card.card.member
        guard card.isValid else { return "has signatures that do not belong to it" }
        guard chain.members[member.id] == nil else { return "is of \(member.name), which is a member" }
        guard !chain.members.tombstones.contains(where: { $0.id == member.id }) else {
            return "is of a former member: a site that comes back makes new keys"
        }
        let taken = chain.members.members.first {
            $0.name == member.name || $0.linkKey == member.linkKey || $0.nodeKey == member.nodeKey
        }
        if let taken { return "has a name or a key of \(taken.name)" }
        let others = cards.values.filter { $0.card.member.id != member.id }
        guard others.allSatisfy({ $0.card.member.linkKey != member.linkKey }) else {
            return "has the link key of another site that is invited"
        }
        guard others.count < Observers.maximum else { return "is one more than \(Observers.maximum) invited sites" }
        return nil
    }
}
