import Ledger
import Link

extension Node {
    /// What this node is doing now, and whom it waits for.
    public func report(now: Instant) -> NodeReport {
        NodeReport(
            height: chain.height, head: chain.headDigest, view: height.view, phase: phase, waits: waits,
            candidates: candidatesForReport, linkedMembers: linkedMembers, signing: signing,
            highestClaimed: links.highestClaimed, alarms: alarms, accused: evidence.accused,
            proposals: proposalReports, reviews: reviewReports)
    }

    private var phase: NodeReport.Phase {
        if isStopped { return .stopped }
        if recovery.isAbstaining(at: chain.height) { return .recovering }
        // What is decided here comes with its computation; peers that are through with it are no reason to catch up.
        let reached = height.decided == nil ? chain.height : height.height
        let credible = links.height(claimedByMoreThan: chain.members.faultBound)
        if synchronisation.isActive || credible > reached { return .catchingUp }
        if height.decided != nil { return .adopting }
        return height.quorumReadySince == nil ? .gathering : .agreeing
    }

    private var candidatesForReport: [NodeReport.Candidate] {
        contributions.order.compactMap { digest in
            contributions[digest].map { candidate in
                let state = contributions.slots[candidate.contribution.slot]
                return NodeReport.Candidate(
                    contribution: candidate.contribution, digest: digest, piecesHeld: candidate.pieces.setCount,
                    availabilityVotes: state?.votes[digest]?.count ?? 0,
                    isAvailable: state?.certificate?.vote.contribution == digest)
            }
        }
    }

    private var waits: [Wait] {
        switch phase {
        case .stopped: []
        case .catchingUp, .adopting: adoptionWaits
        case .recovering: recoveryWaits
        case .gathering: gatheringWaits
        case .agreeing: agreementWaits
        }
    }

    private var others: [Member] { height.members.members.filter { $0.id != identity.member } }

    private func unlinked(_ member: Member) -> Bool { links.link(to: member.id) == nil }

    private var gatheringWaits: [Wait] {
        if height.own.closed != nil, headRound?.isClosed != true {
            return height.members.members.enumerated().filter { headRound?.statements[$0.offset] == nil }
                .map { Wait(member: $0.element.id, reason: unlinked($0.element) ? .link : .closed) }
        }
        if height.own.ready != nil {
            return height.members.members.enumerated().filter { height.ready[$0.offset] == nil }
                .map { Wait(member: $0.element.id, reason: unlinked($0.element) ? .link : .ready) }
        }
        let available = Set(eligibleSlots.map(\.author))
        return height.members.members.filter { !available.contains($0.id) }.map { member in
            let candidate = contributions.order.compactMap { contributions[$0] }
                .first { $0.contribution.author == member.id && $0.contribution.base == chain.headDigest }
            guard let candidate else {
                let isUnlinked = member.id != identity.member && unlinked(member)
                return Wait(member: member.id, reason: isUnlinked ? .link : .contribution)
            }
            return Wait(member: member.id, reason: candidate.isComplete ? .availabilityVotes : .pieces)
        }
    }

    private var agreementWaits: [Wait] {
        let state = height.views[height.view] ?? ViewState()
        let leader = height.members.members[height.leader(of: height.view)]
        guard !state.proposals.isEmpty else { return [Wait(member: leader.id, reason: .proposal)] }
        if averagings.states.values.contains(.running) {
            return [Wait(member: identity.member, reason: .averaging)]
        }
        let kind: VoteKind = state.notarization == nil ? .notarize : .finalize
        return height.members.members.enumerated().filter { !state.tally(kind).contains($0.offset) }.map {
            Wait(member: $0.element.id, reason: kind == .notarize ? .notarizeVote : .finalizeVote)
        }
    }

    private var adoptionWaits: [Wait] {
        guard let decided = height.decided, let payload = height.payloads[decided.vote.version] else {
            return links.order.compactMap { id in
                links[id].flatMap { $0.claimedHeight > chain.height ? Wait(member: $0.member, reason: .version) : nil }
            }
        }
        let lacking = payload.version.manifest.filter { contributions[$0.contribution]?.status != .valid }
        if lacking.isEmpty { return [Wait(member: identity.member, reason: .averaging)] }
        return lacking.map { Wait(member: $0.slot.author, reason: .pieces) }
    }
}
