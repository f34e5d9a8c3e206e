import Crypto
import Ledger
import Link

/// Who gets a message.
///
/// Everything small is sent to all peers by the member that makes it. Members say to whom they have links, so a node knows
/// which of its peers did not get something: it passes it on when it takes it the first time. In a full mesh
/// nothing is passed on. If all members of a large mesh told all others what each can find out, the work would grow with
/// the cube of the members: what many members hold alike goes from each to a few, drawn at random, and an availability vote
/// goes to its author alone. What reaches a member in none of these ways comes by the summaries.
enum Audience {
    case all(except: LinkID? = nil)
    /// For what others hold and send as well: all peers, in a large mesh a few.
    case sample(except: LinkID? = nil)
    /// For what the member said: peers that have no link to it. None for what this node said.
    case unreached(by: MemberID, from: LinkID)
    /// For what is new here, of any member: all peers but the one that it came from, in a large mesh those that have no link to
    /// that one. It came from none if it begins here.
    case onward(from: LinkID?)
    /// For an availability vote of this node: all peers, in a large mesh the contribution's author, if there is a link to it.
    case author(MemberID)
}

extension Node {
    /// So many members that messages from all to all cost too much.
    var isLargeMesh: Bool { chain.members.count > 64 }

    /// To how many peers goes what many hold alike. Where all members tell so many, one in millions hears it from none.
    static let fanout = 16

    func send(_ message: Message, to link: LinkID) { effects.append(.send(link, message.encoded)) }

    func send(_ message: Message, to audience: Audience) {
        let peers = peers(in: audience)
        guard !peers.isEmpty else { return }
        let bytes = message.encoded
        for link in peers { effects.append(.send(link, bytes)) }
    }

    /// Sends on new signatures of several members, by index in `members`: each peer gets those of members to which it has no
    /// link.
    func sendOnward(
        _ signatures: [Int: Signature], of members: MemberSet, from link: LinkID,
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

    private func peers(in audience: Audience) -> [LinkID] {
        switch audience {
        case .all(let excluded): return links.order.filter { $0 != excluded }
        case .sample(let excluded):
            return isLargeMesh ? drawnPeers(except: excluded) : peers(in: .all(except: excluded))
        case .unreached(let origin, let link): return peers(without: origin, except: link)
        case .onward(let link):
            guard isLargeMesh, let link, let sender = links[link]?.member else { return peers(in: .all(except: link)) }
            return peers(without: sender, except: link)
        case .author(let author):
            guard isLargeMesh, let link = links.link(to: author) else { return peers(in: .all()) }
            return [link]
        }
    }

    private func drawnPeers(except excluded: LinkID?) -> [LinkID] {
        var drawn: Set<LinkID> = []
        for _ in 0..<Node.fanout {
            if let link = links.order.randomElement(using: &random) { drawn.insert(link) }
        }
        return drawn.sorted().filter { $0 != excluded }
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
    /// reach the origin itself got it from a member that did, and passes it on.
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
