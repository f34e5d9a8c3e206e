import Crypto
import Ledger

/// A pending action, for people.
public struct ProposalReport: Sendable {
    public let signed: SignedGovernanceAction
    public let digest: Digest
    /// Whose operators signed with their current keys, ascending; `operatorsNeeded` of them are needed.
    public let operators: [MemberID]
    public let operatorsNeeded: Int
    /// Members of the resulting set that are ready, ascending; `readinessNeeded` of them are needed. Zero where the
    /// action leaves the set as it is.
    public let readiness: [MemberID]
    public let readinessNeeded: Int
    /// Why it would do nothing on the present head.
    public let fault: ActionFault?
    /// Whether the next ready record can name it.
    public let isComplete: Bool
    /// What operators said against it, by ascending signer; a signature of theirs among `signed` does not count.
    public let verdicts: [SignedProposalVerdict]
    /// Whether enough operators are against it that it can never take effect. It is kept, so that nothing opens it again.
    public let isClosed: Bool
}

/// How a pending action ended, as far as a node saw it.
public enum ProposalEnd: String, Sendable, CaseIterable {
    /// A version carries it.
    case taken
    /// Its operators took their signatures back.
    case withdrawn
    /// So many operators rejected it that the rules' share cannot sign any more.
    case rejected
    /// Its window passed, its number was used, or its signers left.
    case ended
}

/// A pending action that was decided on.
public struct EndedProposal: Equatable, Sendable {
    public let signed: SignedGovernanceAction
    /// By ascending signer.
    public let verdicts: [SignedProposalVerdict]
    public let end: ProposalEnd
    /// The head then; where it was taken, the version that carries it.
    public let height: Height

    init(
        _ signed: SignedGovernanceAction, _ verdicts: [MemberID: SignedProposalVerdict], _ end: ProposalEnd,
        _ height: Height
    ) {
        self.signed = signed
        self.verdicts = verdicts.values.sorted { $0.signer < $1.signer }
        self.end = end
        self.height = height
    }
}

/// What an operator said about a contribution that may still be listed.
public struct ReviewReport: Sendable {
    public let statement: ReviewStatement
    public let reviewer: MemberID
}

extension Node {
    var proposalReports: [ProposalReport] {
        governance.digests.compactMap { digest in
            guard let pending = governance[digest] else { return nil }
            let resulting = pending.resultingMembers
            return ProposalReport(
                signed: pending.signed, digest: digest, operators: pending.supporters,
                operatorsNeeded: chain.rules.operatorsNeeded(memberCount: chain.members.count),
                readiness: pending.readiness.keys.sorted().compactMap { resulting?.members[$0].id },
                readinessNeeded: resulting?.quorum ?? 0, fault: pending.fault,
                isComplete: pending.nameable(on: chain) != nil,
                verdicts: pending.verdicts.values.sorted { $0.signer < $1.signer },
                isClosed: pending.isClosed(on: chain))
        }
    }

    /// Held reviews by slot and reviewer; those that a version embeds are in `chain.reviews`.
    var reviewReports: [ReviewReport] {
        governance.reviews.keys.sorted().flatMap { slot in
            governance.reviews(of: slot).map { ReviewReport(statement: $0.statement, reviewer: $0.reviewer) }
        }
    }
}
