import Crypto
import Ledger

extension Node {
    /// Why `review` would refuse it on the present head; nil where it would take it.
    public func refusal(of review: SignedReview) -> GovernanceRefusal? {
        let slot = review.statement.slot
        guard isOpenToReview(slot) else { return .slotClosed }
        guard chain.isValid(review, verifier: verifier) else { return .fault(.foreignSignature(review.reviewer)) }
        if isReviewed(slot, by: review.reviewer) { return .alreadyReviewed }
        return governance.hasPlace(for: review.reviewer) ? nil : .tooManyPending(review.reviewer)
    }

    /// A veto or an approval of this site's operator.
    func review(_ review: SignedReview) {
        if let refusal = refusal(of: review) {
            emit(.reviewRefused(review, refusal))
        } else {
            take(review, from: nil)
        }
    }

    func received(_ review: SignedReview, from link: LinkID) {
        guard isWorthChecking(review) else { return }
        guard chain.isValid(review, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        take(review, from: link)
    }

    /// Whether this node would take the review if its signature is valid.
    func isWorthChecking(_ review: SignedReview) -> Bool {
        let slot = review.statement.slot
        return isOpenToReview(slot) && chain.members[review.reviewer]?.keyEpoch == review.signature.keyEpoch
            && !isReviewed(slot, by: review.reviewer) && governance.hasPlace(for: review.reviewer)
    }

    private func isOpenToReview(_ slot: Slot) -> Bool {
        guard let base = chain.base(slot.base) else { return false }
        return base.members[slot.author] != nil && chain.listed[slot] == nil
    }

    func isReviewed(_ slot: Slot, by reviewer: MemberID) -> Bool {
        governance.review(of: slot, by: reviewer) != nil || (chain.reviews[slot]?.contains(reviewer) ?? false)
    }

    private func take(_ review: SignedReview, from link: LinkID?) {
        governance.put(review)
        let height = chain.base(review.statement.slot.base)?.height ?? .genesis
        persist([.review(PendingRecord(height: height, body: review))], then: [])
        send(.review(review), to: .onward(from: link))
        emit(.reviewKnown(review))
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    func restore(_ held: PendingRecord<SignedReview>) {
        let review = held.body
        guard isOpenToReview(review.statement.slot), chain.isValid(review, verifier: verifier),
            !isReviewed(review.statement.slot, by: review.reviewer)
        else { return }
        governance.put(review)
    }
}
