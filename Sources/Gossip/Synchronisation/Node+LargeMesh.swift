import Ledger

/// What a large mesh does otherwise: if all members tell all others what each can find out, the work grows with
/// the cube of the members. There an availability vote goes to its author, who sends all members the certificate; and
/// what many members hold alike goes from each to a few, drawn at random. What reaches a member in neither way comes by
/// the summaries.
extension Node {
    /// So many members that messages from all to all cost too much.
    var isLargeMesh: Bool { chain.members.count > 64 }

    /// To how many peers goes what many hold alike. Where all members tell so many, one in millions hears it from none.
    static let fanout = 16

    /// Sends what others hold and tell as well: to all peers, in a large mesh to a few.
    func gossip(_ message: Message, except excluded: LinkID? = nil) {
        guard isLargeMesh else { return broadcast(message, except: excluded) }
        var drawn: Set<LinkID> = []
        for _ in 0..<Node.fanout {
            if let link = links.order.randomElement(using: &random) { drawn.insert(link) }
        }
        let bytes = message.encoded
        for link in drawn.sorted() where link != excluded { actions.append(.send(link, bytes)) }
    }

    /// Sends on what is new here, by any member: to all peers, in a large mesh to the peers that have no link to the
    /// sender.
    ///
    /// - Parameter link: whence it came; nil for what begins here.
    func spread(_ message: Message, from link: LinkID?) {
        guard isLargeMesh, let link, let sender = links[link]?.member else {
            return broadcast(message, except: link)
        }
        relay(message, of: sender, from: link)
    }

    /// Sends an own availability vote: to all peers, in a large mesh to the author, if there is a link to it.
    func sendAvailabilityVote(_ votes: AvailabilityCertificate) {
        if isLargeMesh, let author = links.link(to: votes.vote.slot.author) {
            send(.availability(votes), to: author)
        } else {
            broadcast(.availability(votes))
        }
    }

    /// Shows a certificate that the availability votes here amount to. In a smaller mesh all members have the availability
    /// votes.
    func showCertificate(_ certificate: AvailabilityCertificate) {
        guard isLargeMesh else { return }
        if certificate.vote.slot.author == identity.member {
            broadcast(.availability(certificate))
        } else {
            gossip(.availability(certificate))
        }
    }

    /// Says where this node stands, so that peers give it what it lacks: to all peers, in a large mesh to a few. There
    /// only a node that adopted a version tells all peers, and an author whom availability votes may not have reached.
    func tellStanding() {
        if pacing.isAdoptionUntold || lacksOwnCertificate {
            broadcast(.summary(summary))
        } else {
            gossip(.summary(summary))
        }
        pacing.isAdoptionUntold = false
    }

    private var lacksOwnCertificate: Bool {
        contributions.order.contains { digest in
            guard let candidate = contributions[digest], candidate.contribution.author == identity.member,
                candidate.isAnnounced, chain.isEligible(candidate.contribution.slot)
            else { return false }
            return contributions.slots[candidate.contribution.slot]?.certificate == nil
        }
    }
}
