import Ledger

/// What a ready record of this node would say now.
struct ReadyContent {
    /// Ascending.
    var slots: [Slot] = []
    /// Complete and valid on the head, the lowest digests.
    var actions: [CompleteAction] = []
    var reviews: [SignedReview] = []

    var isEmpty: Bool { slots.isEmpty && actions.isEmpty }
}

extension Node {
    /// Slots that may be named under the rules' review, with the reviews by which they are, the newest bases first where
    /// a record cannot carry all.
    ///
    /// A slot under vetoes that no version embeds yet is named like any other, but only with the vetoes beside it: they
    /// act in the version that embeds them, and without it the round would stand still.
    func readyContent() -> ReadyContent {
        var content = ReadyContent()
        content.actions = Array(completeActions.prefix(Limits.readyActions))
        let eligible = eligibleSlots
        let slotsMaximum = Wire.readySlotsMaximum(memberCount: chain.members.count)
        if chain.rules.review == .open, governance.reviews.isEmpty, eligible.count <= slotsMaximum {
            content.slots = eligible
            return content
        }
        for slot in newestFirst(eligible) where content.slots.count < slotsMaximum {
            guard let reviews = reviewsToName(slot),
                content.reviews.count + reviews.count <= Limits.readyReviews
            else { continue }
            content.slots.append(slot)
            content.reviews += reviews
        }
        content.slots.sort()
        return content
    }

    /// As many of the other held reviews as a ready record can carry besides those that it must.
    func otherReviews(than reviews: [SignedReview]) -> [SignedReview] {
        let room = Limits.readyReviews - reviews.count
        guard room > 0, !governance.reviews.isEmpty else { return [] }
        let carried = Set(reviews)
        let others = newestFirst(Array(governance.reviews.keys)).lazy
            .flatMap { self.governance.reviews(of: $0) }.filter { !carried.contains($0) }
        return Array(others.prefix(room))
    }

    private func newestFirst(_ slots: [Slot]) -> [Slot] {
        let dated: [(slot: Slot, height: Height)] = slots.map { slot in
            (slot: slot, height: chain.base(slot.base)?.height ?? .genesis)
        }
        return dated.sorted { $0.height != $1.height ? $0.height > $1.height : $0.slot < $1.slot }.map(\.slot)
    }

    /// The reviews that a ready record must carry to name the slot; nil where it may not be named.
    private func reviewsToName(_ slot: Slot) -> [SignedReview]? {
        guard let contribution = contributions.slots[slot]?.certificate?.stored.contribution else { return nil }
        let held = governance.reviews(of: slot).lazy.filter { $0.statement.contribution == contribution }
        switch chain.rules.review {
        case .open: return []
        case .vetoWindow:
            guard !chain.isHeldBack(contribution, in: slot), !isWindowOpen(slot) else { return nil }
            let embedded = chain.reviews[slot]?.vetoes(of: contribution).count ?? 0
            return Array(held.filter { $0.statement.verdict == .veto }.prefix(max(0, chain.vetoesNeeded - embedded)))
        case .approve:
            let embedded = chain.reviews[slot]?.approvals(of: contribution).count { $0 != slot.author } ?? 0
            let lacking = max(0, Int(chain.rules.approvals) - embedded)
            let approvals = held.filter { $0.statement.verdict == .approve && $0.reviewer != slot.author }
                .prefix(lacking)
            return approvals.count == lacking ? Array(approvals) : nil
        }
    }

    private var windowMilliseconds: UInt64 {
        chain.rules.review == .vetoWindow ? UInt64(chain.rules.reviewSeconds) * 1000 : 0
    }

    /// How long a round may wait for contributions: a window for vetoes comes on top.
    var roundMilliseconds: UInt64 { timing.roundDeadline + windowMilliseconds }

    /// Whether operators may still veto what is in the slot before this node names it. A local delay: a record that
    /// names it earlier is as valid.
    private func isWindowOpen(_ slot: Slot) -> Bool {
        guard let opened = governance.windows[slot] else { return windowMilliseconds > 0 }
        return now.since(opened) < windowMilliseconds
    }

    /// Windows begin when this node first sees the certificate; in a new process, anew.
    func openWindows() {
        guard windowMilliseconds > 0 else { return }
        for slot in eligibleSlots where governance.windows[slot] == nil { governance.windows[slot] = now }
    }

    /// When the next window ends.
    var windowDeadline: Instant? {
        guard height.own.ready == nil, height.decided == nil, windowMilliseconds > 0 else { return nil }
        return governance.windows.values.map { $0 + windowMilliseconds }.filter { $0 > now }.min()
    }
}
