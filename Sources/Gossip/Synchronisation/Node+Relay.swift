import Crypto
import Ledger
import Link

/// Passing on between members that have no link to each other.
///
/// Everything small is sent to all links by whoever makes it. Members say to whom they have links, so that a node knows
/// which of its peers did not get something: it passes it on when it takes it the first time. In a full mesh nothing
/// is. Whatever is lost on this way comes by the summaries.
extension Node {
    /// Tells all peers to whom this node has links.
    func sayWhoIsLinked() {
        var linked = Bitmap(count: chain.members.count)
        for member in linkedMembers {
            if let index = chain.members.index(of: member) { linked.insert(index) }
        }
        broadcast(.linked(members: chain.members.digest, linked))
        pacing.linksChanged = nil
    }

    /// A link came or went: peers hear of it at once, in a large mesh a while later, of many at a time.
    func noteLinksChanged() {
        if isLargeMesh { pacing.linksChanged = pacing.linksChanged ?? now } else { sayWhoIsLinked() }
    }

    var linksDeadline: Instant? { pacing.linksChanged.map { $0 + timing.antiEntropyInterval / 16 } }

    func tellOfLinksIfDue() {
        guard let due = linksDeadline, due <= now else { return }
        sayWhoIsLinked()
    }

    /// In a large mesh at ticks alone: while links are still coming up, everybody lacks almost everybody.
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

    /// Passes on what a member said, new here, to the peers that have no link to it.
    func relay(_ message: Message, of origin: MemberID, from link: LinkID) {
        let peers = peers(without: origin, except: link)
        guard !peers.isEmpty else { return }
        let bytes = message.encoded
        for peer in peers { actions.append(.send(peer, bytes)) }
    }

    /// Relays signatures of several members, by index in `members`: each peer gets those that it lacks.
    func relay(
        _ signatures: [Int: Signature], in members: MemberSet, from link: LinkID,
        as message: ([Int: Signature]) -> Message
    ) {
        var lacking: [LinkID: [Int: Signature]] = [:]
        for (index, signature) in signatures {
            for peer in peers(without: members.members[index].id, except: link) {
                lacking[peer, default: [:]][index] = signature
            }
        }
        for peer in lacking.keys.sorted() { send(message(lacking[peer]!), to: peer) }
    }

    private func peers(without origin: MemberID, except link: LinkID) -> [LinkID] {
        guard origin != identity.member, links.reachCounts.lacking(origin, of: chain.members) != 0 else { return [] }
        return links.order.filter { peer in
            guard peer != link, let state = links[peer], state.member != origin, let reach = state.reach else {
                return false
            }
            return !reach.contains(origin) && isRelay(from: origin, to: state.member)
        }
    }

    /// Of the members that reach both, one more than may be faulty pass a thing on: others for each pair. Who does not
    /// reach the origin itself got it from somebody who did, and passes it on.
    private func isRelay(from origin: MemberID, to target: MemberID) -> Bool {
        let members = chain.members
        guard links.link(to: origin) != nil, let own = members.index(of: identity.member),
            let first = members.index(of: origin), let last = members.index(of: target)
        else { return true }
        let start = first + last
        func rank(_ index: Int) -> Int { (index - start % members.count + members.count) % members.count }
        let before = links.order.count { peer in
            guard let state = links[peer], let index = members.index(of: state.member),
                let reach = state.reach, reach.contains(origin), reach.contains(target)
            else { return false }
            return rank(index) < rank(own)
        }
        return before <= members.faultBound
    }
}
