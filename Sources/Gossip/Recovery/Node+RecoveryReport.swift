import Ledger

extension Node {
    /// Whether this node signs, in the words of its report.
    var signing: NodeReport.Signing {
        if recovery.isLost {
            return .recovering(
                answers: answers([.settled]), needed: chain.members.quorum, isHopeless: isRecoveryHopeless)
        }
        if let until = recovery.abstainsUntil, until > chain.height {
            return .abstaining(until: until, isHopeless: isRecoveryHopeless)
        }
        if recovery.isOpen { return .free }
        return .asking(answers: answers([.starting, .settled]), needed: answersNeeded)
    }

    /// Whether the chain cannot move by itself: this node and those that answered that they recover too are more than
    /// f, so those that may sign are no quorum.
    private var isRecoveryHopeless: Bool {
        let recovering = chain.members.members.count {
            $0.id != identity.member && recovery.answers[$0.id]?.standing == .recovering
        }
        return recovering + 1 > chain.members.faultBound
    }

    /// Whose answer, or whose version, a recovering node waits for.
    var recoveryWaits: [Wait] {
        guard recovery.isLost else { return [] }
        return chain.members.members.filter { $0.id != identity.member }.compactMap { member in
            if let answer = recovery.answers[member.id], answer.standing == .settled, answer.height <= chain.height {
                return nil
            }
            return Wait(member: member.id, reason: links.link(to: member.id) == nil ? .link : .version)
        }
    }

    /// Whether what waited for the disk must not leave this node any more: its journal turned out to be lost meanwhile.
    func isAbstained(_ completion: WriteCompletion) -> Bool {
        switch completion {
        case .ownContribution(let signed):
            guard abstains(at: signed.body.baseHeight.next) else { return false }
            emit(.contributionReceived(signed.body))
            return true
        case .ownAvailabilityVote(let signed): return abstains(at: signed.body.baseHeight.next)
        case .ownClosed(let signed): return abstains(at: signed.body.height)
        case .ownReady(let signed): return abstains(at: signed.body.height)
        case .ownProposal(let signed, _): return abstains(at: signed.body.height)
        case .ownVote(let signed): return abstains(at: signed.body.height)
        case .adopted, .ownAddress, .abstention, .evidence, .headerSynced, .stateSynced: return false
        }
    }
}
