import Ledger

/// What a removed member still has to do: to answer, until a quorum of those that stayed holds the version that removed
/// it. Until then it may be the only one that has its certificate.
struct Departure {
    /// The height of that version, or of the head of a process that began afterwards.
    let height: Height
    /// Members that said to have adopted it.
    var holders: Set<MemberID> = []
    var isTold = false
}

extension Node {
    /// After an adoption, and at the start.
    func noteMembership(removedNow: Bool) {
        if chain.members[identity.member] != nil {
            departure = nil
        } else if departure == nil, chain.members.tombstones.contains(where: { $0.id == identity.member }) {
            departure = Departure(height: chain.height)
            if removedNow { emit(.removed(chain.height)) }
        }
        noteDepartureSeen()
    }

    /// After an adoption: what it means for pending actions, for this node's membership and for its links.
    func governanceAdvanced(from before: Chain, carrying action: CompleteAction?) {
        carryGovernanceOver(action)
        noteMembership(removedNow: before.members[identity.member] != nil)
        if before.members != chain.members { membersChanged() }
    }

    private func membersChanged() {
        renewAddresses()
        announceLinks()
        pacing.ticksSinceChange = 0
    }

    /// After a peer said where it stands.
    func noteDepartureSeen() {
        guard let departure, !departure.isTold else { return }
        for link in links.order {
            guard let peer = links[link], peer.claimedHeight >= departure.height else { continue }
            self.departure?.holders.insert(peer.member)
        }
        let holders = (self.departure?.holders ?? []).count { chain.members[$0] != nil }
        guard holders >= chain.members.quorum else { return }
        self.departure?.isTold = true
        emit(.mayLeave(departure.height))
    }

    /// Whether a peer that is no member of the present set may say this: a newcomer that was invited, a member that was
    /// removed, or one of a set that this node has not reached. Such a peer may ask, say that it is ready, and bring
    /// what proves itself: certified versions with what they embed, without which a node that lags behind the sets of
    /// its peers would never hear of them. It takes no part in agreement.
    func isOpenToObservers(_ message: Message) -> Bool {
        switch message {
        case .summary, .fetch, .want, .have, .certified, .contribution, .availability, .closed, .closing, .ready,
            .carried,
            .action, .verdict, .readiness,
            .address, .linked, .evidence, .requestHeaders, .headerPart, .blocks, .question, .report:
            true
        case .proposal, .payload, .votes, .review: false
        }
    }
}
