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
                signed: pending.signed, digest: digest, operators: pending.operators.keys.sorted(),
                operatorsNeeded: chain.rules.operatorsNeeded(memberCount: chain.members.count),
                readiness: pending.readiness.keys.sorted().compactMap { resulting?.members[$0].id },
                readinessNeeded: resulting?.quorum ?? 0, fault: pending.fault,
                isComplete: pending.complete(on: chain) != nil)
        }
    }

    /// Held reviews by slot and reviewer; those that a version embeds are in `chain.reviews`.
    var reviewReports: [ReviewReport] {
        governance.reviews.keys.sorted().flatMap { slot in
            governance.reviews(of: slot).map { ReviewReport(statement: $0.statement, reviewer: $0.reviewer) }
        }
    }
}
