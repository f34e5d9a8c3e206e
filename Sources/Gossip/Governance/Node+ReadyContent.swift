import Ledger
import Link

/// What a ready record of this node would say now.
struct ReadyContent {
    /// Ascending.
    var slots: [Slot] = []
    /// Those and the ones that wait for their turn, ascending.
    var nameable: [Slot] = []
    /// Complete and valid on the head, the lowest digests.
    var actions: [CompleteAction] = []
    var reviews: [SignedReview] = []
}

extension Node {
    /// Slots that may be named under the rules' review, with the reviews by which they are; where a record cannot carry
    /// all, those whose turn it is.
    ///
    /// A slot under enough vetoes that no version embeds yet is named like any other, but only with the vetoes beside
    /// it: they act in the version that embeds them, and without it the round would stand still.
    func readyContent() -> ReadyContent {
        var content = ReadyContent()
        content.actions = Array(completeActions.prefix(Limits.readyActions))
        let eligible = eligibleSlots
        if chain.rules.review == .open, governance.reviews.isEmpty, eligible.count <= readySlotsMaximum {
            content.slots = eligible
            content.nameable = eligible
            return content
        }
        var needed: [Slot: [SignedReview]] = [:]
        for slot in eligible { needed[slot] = reviewsToName(slot) }
        content.nameable = eligible.filter { needed[$0] != nil }
        for slot in inTurn(content.nameable) where content.slots.count < readySlotsMaximum {
            guard let reviews = needed[slot], content.reviews.count + reviews.count <= Limits.readyReviews
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
        let others = inTurn(Array(governance.reviews.keys)).lazy
            .flatMap { self.governance.reviews(of: $0) }.filter { !carried.contains($0) }
        return Array(others.prefix(room))
    }

    private var readySlotsMaximum: Int { Wire.readySlotsMaximum(memberCount: chain.members.count) }

    /// How many authors' slots a ready record has room for, however many reviews they need.
    private var turnMembers: Int { chain.rules.contributionsNamed(memberCount: chain.members.count) }

    /// The newest of each author, then the next of each. Among authors the turn goes round: it begins where that of
    /// the height before ended, the same at all members, so that they name the same slots and everybody is named.
    private func inTurn(_ slots: [Slot]) -> [Slot] {
        let members = chain.members
        let first = Int(chain.nextHeight.value % UInt64(members.count)) * turnMembers % members.count
        var newerCounts: [MemberID: Int] = [:]
        let places = newestFirst(slots).map { slot in
            let newer = newerCounts[slot.author, default: 0]
            newerCounts[slot.author] = newer + 1
            let index = members.index(of: slot.author) ?? 0
            let place = (newer: newer, turn: (index + members.count - first) % members.count)
            return (slot: slot, place: place)
        }
        return places.sorted { left, right in
            left.place != right.place ? left.place < right.place : left.slot < right.slot
        }.map(\.slot)
    }

    private func newestFirst(_ slots: [Slot]) -> [Slot] {
        let dated: [(slot: Slot, height: Height)] = slots.map { slot in
            (slot: slot, height: chain.base(slot.base)?.height ?? .genesis)
        }
        return dated.sorted { $0.height != $1.height ? $0.height > $1.height : $0.slot < $1.slot }.map(\.slot)
    }

    /// The reviews that a ready record must carry to name the slot; nil where it may not be named.
    private func reviewsToName(_ slot: Slot) -> [SignedReview]? {
        guard let contribution = contributions.slots[slot]?.certificate?.vote.contribution else { return nil }
        let held = governance.reviews(of: slot).lazy.filter { $0.statement.contribution == contribution }
        switch chain.rules.review {
        case .open: return []
        case .vetoWindow:
            guard !chain.isBlockedByReview(contribution, in: slot), !isWindowOpen(slot) else { return nil }
            let lacking = chain.vetoesNeeded - (chain.reviews[slot]?.vetoes(of: contribution).count ?? 0)
            let vetoes = held.filter { $0.statement.verdict == .veto }
            // Fewer change nothing, and would let a few operators fill the record: they go where room is left. Of
            // enough all go along: those of operators that said something else elsewhere may not count in the end.
            guard vetoes.count >= lacking else { return [] }
            return Array(vetoes.prefix(max(lacking, Limits.readyReviews)))
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
