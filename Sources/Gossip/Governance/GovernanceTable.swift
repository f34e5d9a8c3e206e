import Crypto
import Ledger
import Link

/// Actions and reviews that no version embeds yet.
///
/// Bounded by operator: an action is kept only while it is among the few that one of its supporters may have pending, so
/// an operator can fill its own places only. A rotation that its own operator supports has places beside the
/// others and takes none of its other signers. A closed action takes no place of its supporters; it is kept among the
/// few verdicts of those who closed it, so that signatures that come again do not open it again. Which actions are kept
/// depends on the set of them alone, not on the order in which they came, so that members end up with the same.
struct GovernanceTable {
    private(set) var actions: [Digest: PendingAction] = [:]
    /// By slot; one of a reviewer, by ascending reviewer.
    private(set) var reviews: [Slot: [SignedReview]] = [:]
    private var reviewCounts: [MemberID: Int] = [:]
    /// How many signatures of each operator were taken since the head was adopted.
    private var signatureCounts: [MemberID: Int] = [:]
    private var verdictCounts: [MemberID: Int] = [:]
    /// When this node first saw the certificate of a slot: from then on operators may veto what is in it.
    var windows: [Slot: Instant] = [:]

    /// How many actions of each kind are kept in all, and of one operator, in a mesh of so many.
    struct Places: Equatable {
        /// Rotations that their own operator supports.
        let rotations: Int
        let others: Int
        let closed: Int
        private let memberCount: Int

        init(memberCount: Int) {
            self.memberCount = max(1, memberCount)
            // A summary names every action, with three bitmaps of the members.
            (rotations, others, closed) =
                memberCount <= 64 ? (64, 128, 64) : memberCount <= Wire.fullMembersMaximum ? (24, 80, 24) : (8, 64, 8)
        }

        var total: Int { rotations + others + closed }
        var rotationsOfOperator: Int { max(1, min(2, rotations / memberCount)) }
        var othersOfOperator: Int { max(1, min(8, others / memberCount)) }
        var closedOfOperator: Int { max(1, min(16, closed / memberCount)) }
    }

    static let reviewsOfReviewerMaximum = 512
    /// Between two versions: an operator's action may push out another of its own, and each costs everybody a write.
    static let signaturesOfOperatorMaximum = 64
    static let rotationSignaturesMaximum = 8

    /// Ascending.
    var digests: [Digest] { actions.keys.sorted() }

    subscript(digest: Digest) -> PendingAction? { actions[digest] }

    /// Whether the action, with these supporters, may be kept without another one being dropped.
    func hasPlace(for action: PendingAction, on chain: Chain) -> Bool {
        var extended = self
        extended.put(action)
        return extended.enforceBudgets(on: chain).isEmpty
    }

    /// Counts a signature of this operator; false where it has given too many since the head was adopted. Rotations have
    /// room beyond the others.
    mutating func takeSignature(of signer: MemberID, under action: GovernanceAction) -> Bool {
        guard hasSignatureLeft(signer, under: action) else { return false }
        signatureCounts[signer, default: 0] += 1
        return true
    }

    func hasSignatureLeft(_ signer: MemberID, under action: GovernanceAction) -> Bool {
        var limit = GovernanceTable.signaturesOfOperatorMaximum
        if case .rotate = action.change { limit += GovernanceTable.rotationSignaturesMaximum }
        return signatureCounts[signer, default: 0] < limit
    }

    /// Counts a verdict of this operator; false where it has given too many since the head was adopted.
    mutating func takeVerdict(of signer: MemberID) -> Bool {
        guard hasVerdictLeft(signer) else { return false }
        verdictCounts[signer, default: 0] += 1
        return true
    }

    func hasVerdictLeft(_ signer: MemberID) -> Bool {
        verdictCounts[signer, default: 0] < GovernanceTable.signaturesOfOperatorMaximum
    }

    mutating func put(_ action: PendingAction) { actions[action.digest] = action }

    mutating func update(_ digest: Digest, _ change: (inout PendingAction) -> Void) {
        if actions[digest] != nil { change(&actions[digest]!) }
    }

    /// Drops what no operator has a place for: of each operator the lowest digests stay.
    ///
    /// - Returns: what was dropped, ascending.
    mutating func enforceBudgets(on chain: Chain) -> [Digest] {
        let places = Places(memberCount: chain.members.count)
        let closed = Set(actions.values.filter { $0.isClosed(on: chain) }.map(\.digest))
        var kept: Set<Digest> = []
        /// One kind has at most `limit` places, and takes none of another kind's.
        func keep(_ limit: Int, ofOperator: Int, _ owners: (PendingAction) -> [MemberID]) {
            var counts: [MemberID: Int] = [:]
            var left = limit
            for digest in digests where !kept.contains(digest) {
                guard left > 0, let action = actions[digest] else { break }
                let charged = owners(action).filter { counts[$0, default: 0] < ofOperator }
                for owner in charged { counts[owner, default: 0] += 1 }
                if !charged.isEmpty {
                    kept.insert(digest)
                    left -= 1
                }
            }
        }
        keep(places.rotations, ofOperator: places.rotationsOfOperator) { action in
            closed.contains(action.digest) ? [] : action.supporters.filter { action.action.isRotation(of: $0) }
        }
        keep(places.others, ofOperator: places.othersOfOperator) { action in
            closed.contains(action.digest) ? [] : action.supporters
        }
        keep(places.closed, ofOperator: places.closedOfOperator) { action in
            closed.contains(action.digest) ? Array(action.verdicts.keys) : []
        }
        let dropped = digests.filter { !kept.contains($0) }
        for digest in dropped { actions[digest] = nil }
        return dropped
    }

    /// - Returns: what the new head ended, ascending.
    mutating func carryOver(to chain: Chain) -> [Digest] {
        let before = digests
        signatureCounts = [:]
        verdictCounts = [:]
        actions = actions.compactMapValues { $0.carried(over: chain) }
        return before.filter { actions[$0] == nil } + enforceBudgets(on: chain)
    }

    func review(of slot: Slot, by reviewer: MemberID) -> SignedReview? {
        let held = reviews(of: slot)
        let place = GovernanceTable.place(of: reviewer, in: held)
        return place < held.count && held[place].reviewer == reviewer ? held[place] : nil
    }

    /// How many of the reviews are by lower reviewers.
    private static func place(of reviewer: MemberID, in reviews: [SignedReview]) -> Int {
        var (low, high) = (0, reviews.count)
        while low < high {
            let middle = (low + high) / 2
            if reviews[middle].reviewer < reviewer { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func hasPlace(for reviewer: MemberID) -> Bool {
        reviewCounts[reviewer, default: 0] < GovernanceTable.reviewsOfReviewerMaximum
    }

    mutating func put(_ review: SignedReview) {
        let slot = review.statement.slot
        let place = GovernanceTable.place(of: review.reviewer, in: reviews(of: slot))
        if self.review(of: slot, by: review.reviewer) != nil {
            reviews[slot]?[place] = review
        } else {
            reviews[slot, default: []].insert(review, at: place)
            reviewCounts[review.reviewer, default: 0] += 1
        }
    }

    /// About one slot, by ascending reviewer.
    func reviews(of slot: Slot) -> [SignedReview] { reviews[slot] ?? [] }

    /// Drops reviews that a version embeds, that cannot be embedded any more, or whose slot is decided.
    mutating func pruneReviews(on chain: Chain) {
        for slot in reviews.keys {
            guard chain.base(slot.base) != nil, chain.listed[slot] == nil else {
                reviews[slot] = nil
                continue
            }
            let left = reviews(of: slot).filter { review in
                chain.members[review.reviewer]?.keyEpoch == review.signature.keyEpoch
                    && !(chain.reviews[slot]?.contains(review.reviewer) ?? false)
            }
            reviews[slot] = left.isEmpty ? nil : left
        }
        windows = windows.filter { chain.base($0.key.base) != nil && chain.listed[$0.key] == nil }
        reviewCounts = [:]
        for review in reviews.values.joined() { reviewCounts[review.reviewer, default: 0] += 1 }
    }
}
