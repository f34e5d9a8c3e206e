import Crypto

/// What operators said about the contributions in one slot, as versions embed it. It counts for ever.
public struct SlotReviews: Hashable, Sendable {
    private var verdicts: [MemberID: ReviewStatement] = [:]

    /// One verdict a reviewer: the first that a version embeds.
    mutating func note(_ review: SignedReview) {
        if verdicts[review.reviewer] == nil { verdicts[review.reviewer] = review.statement }
    }

    public func contains(_ reviewer: MemberID) -> Bool { verdicts[reviewer] != nil }

    /// Who vetoes `contribution`, ascending.
    public func vetoes(of contribution: ContributionDigest) -> [MemberID] { reviewers(.veto, contribution) }

    /// Who approves of `contribution`, ascending.
    public func approvals(of contribution: ContributionDigest) -> [MemberID] { reviewers(.approve, contribution) }

    private func reviewers(_ verdict: ReviewVerdict, _ contribution: ContributionDigest) -> [MemberID] {
        verdicts.filter { $0.value.verdict == verdict && $0.value.contribution == contribution }.keys.sorted()
    }

    /// Every contribution that somebody reviewed, ascending.
    var contributions: [ContributionDigest] { Set(verdicts.values.map(\.contribution)).sorted() }
}

extension Chain {
    /// How many vetoes keep a contribution out: one site alone never censors.
    public var vetoesNeeded: Int { max(2, members.faultBound + 1) }

    /// Whether the review may be embedded at the next height: a current operator's, about a slot that may still be listed.
    public func isValid(_ review: SignedReview, verifier: Verifier) -> Bool {
        hasSlot(review.statement.slot) && review.isValid(in: members, network: network, verifier: verifier)
    }

    /// Reviews so far, and those that these ready records embed.
    func reviews(with ready: [Ready]) -> [Slot: SlotReviews] {
        var all = reviews
        for review in ready.flatMap(\.reviews).sorted(by: SignedReview.isEmbeddedBefore) {
            guard base(review.statement.slot.base) != nil else { continue }
            all[review.statement.slot, default: SlotReviews()].note(review)
        }
        return all
    }

    /// Whether the rules keep `contribution` out of the next version, by reviews that are embedded or held.
    ///
    /// - Parameter held: valid reviews besides those of the chain.
    public func isBlockedByReview(_ contribution: ContributionDigest, in slot: Slot, held: [SignedReview] = []) -> Bool
    {
        var reviews = reviews[slot] ?? SlotReviews()
        for review in held.sorted(by: SignedReview.isEmbeddedBefore) where review.statement.slot == slot {
            reviews.note(review)
        }
        return isBlockedByReview(contribution, in: slot, by: reviews)
    }

    func isBlockedByReview(_ contribution: ContributionDigest, in slot: Slot, by reviews: SlotReviews) -> Bool {
        switch rules.review {
        case .open: false
        case .vetoWindow: reviews.vetoes(of: contribution).count >= vetoesNeeded
        case .approve:
            reviews.approvals(of: contribution).count { $0 != slot.author } < Int(rules.approvals)
        }
    }

    /// Whether a slot is exempt from inclusion: what it holds was vetoed, or nothing in it was approved.
    func isExempt(_ slot: Slot, by reviews: SlotReviews?) -> Bool {
        let reviews = reviews ?? SlotReviews()
        return switch rules.review {
        case .open: false
        case .vetoWindow: reviews.contributions.contains { isBlockedByReview($0, in: slot, by: reviews) }
        case .approve: !reviews.contributions.contains { !isBlockedByReview($0, in: slot, by: reviews) }
        }
    }
}

extension SignedReview {
    /// A reviewer that signed two verdicts about a slot counts with one, whatever order they came in.
    static func isEmbeddedBefore(_ left: SignedReview, _ right: SignedReview) -> Bool {
        if left < right { return true }
        if right < left || left == right { return false }
        return left.encoded.lexicographicallyPrecedes(right.encoded)
    }
}
