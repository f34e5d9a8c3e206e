import Crypto
import Ledger
import Link

/// To whom this node and its peers have links.
extension Node {
    /// Tells all peers to whom this node has links.
    func announceLinks() {
        var linked = Bitmap(count: chain.members.count)
        for member in linkedMembers {
            if let index = chain.members.index(of: member) { linked.insert(index) }
        }
        send(.linked(members: chain.members.digest, linked), to: .all())
        pacing.linksChanged = nil
    }

    /// A link came or went: peers hear of it at once, in a large mesh a while later, of many at a time.
    func noteLinksChanged() {
        if isLargeMesh { pacing.linksChanged = pacing.linksChanged ?? now } else { announceLinks() }
    }

    var linksDeadline: Instant? { pacing.linksChanged.map { $0 + timing.antiEntropyInterval / 16 } }

    func announceLinksIfDue() {
        guard let due = linksDeadline, due <= now else { return }
        announceLinks()
    }

    /// In a large mesh at ticks alone: while links are still coming up, each member lacks almost all others.
    func giveAddresses() { for id in links.order { giveAddresses(to: id) } }

    /// Of members that a peer has no link to, once, so that it can dial them.
    private func giveAddresses(to id: LinkID) {
        guard let link = links[id], !link.hasAddresses, let reach = link.reach else { return }
        links.update(id) { $0.hasAddresses = true }
        for member in reach.lacking {
            if let record = addresses[member] { send(.address(record), to: id) }
        }
    }

    /// A peer says to whom it has links; of another member set that says nothing.
    func received(linked: Bitmap, of members: Digest, from link: LinkID) {
        guard members == chain.members.digest, linked.count == chain.members.count else { return }
        guard let peer = links[link]?.member else { return }
        links.setReach(PeerReach(of: peer, members: chain.members, linked: linked), of: link)
        if !isLargeMesh { giveAddresses(to: link) }
    }

    /// Whether some peer has a link to this member.
    func isReachedByPeer(_ member: MemberID) -> Bool {
        links.order.contains { links[$0]?.reach?.contains(member) ?? false }
    }
}
