import Crypto
import Ledger
import Link

extension Node {
    /// Signs which committed contributions a quorum holds, once a height, after a quorum has closed the round: as soon
    /// as all that are committed are available, or enough are and the grace has passed, or at the deadline. Where none
    /// is, the height ends with an empty manifest: nothing more can be committed to it.
    func signReadyIfDue() {
        guard mayBeReady, let round = headRound, let closed = round.closedSince else { return }
        openWindows()
        let content = readyContent()
        let faultBound = chain.members.faultBound
        let available = contributions.authors(of: content.nameable)
        let isShort = available.count < contributionsLeast
        let awaited = awaitedContributions(
            beyond: authorsPresent(content), round, limit: faultBound, fromAnywhere: isShort)
        let areFewAwaited = !isShort && awaited.committed <= faultBound
        noteEnough(areFewAwaited, hasAction: !content.actions.isEmpty)
        guard !awaitsApproval(content) else { return }
        let isComplete = !awaitsReplay && awaited.committed == 0 && !awaited.isMoreExpected
        guard isComplete || readyDeadline(closed: closed) <= now else { return }
        // A later reader of the record must see that what it names is committed, so the proof is made durable beside
        // it.
        let named = content.slots.compactMap { slot in
            contributions.slots[slot]?.certificate.map { (slot: slot, contribution: $0.vote.contribution) }
        }
        guard let closings = closings(for: named) else { return }
        let ready = sign(
            Ready(
                height: height.height, parent: chain.headDigest, slots: content.slots,
                actions: content.actions.map(\.action.digest),
                reviews: content.reviews + otherReviews(than: content.reviews), replayed: replayedRoots),
            by: ownKey)
        height.own.ready = ready
        rememberRoundAtReady()
        // A member that names an action must be able to show it, with all that makes it complete.
        let certificates = content.slots.compactMap { contributions.slots[$0]?.certificate }
            .map { JournalEntry.availability($0) }
        // This node's statement of an older round may have come back from others after the journal was lost.
        let statements = closings.flatMap(\.statements).filter { $0 != height.own.closed }
            .map { JournalEntry.closed($0) }
        let actions = content.actions.map { JournalEntry.action(PendingRecord(height: height.height, body: $0)) }
        persist(certificates + statements + actions + [.ready(ready)], then: [.ownReady(ready)])
        emit(.readySigned(height.height, slots: content.slots.count))
    }

    private var mayBeReady: Bool {
        selfIndex != nil && height.own.ready == nil && height.decided == nil && maySign(at: height.height)
    }

    /// When to stop waiting for the payloads of more contributions; nil before a quorum has closed the round.
    var readyDeadline: Instant? {
        guard mayBeReady, let closed = headRound?.closedSince else { return nil }
        return readyDeadline(closed: closed)
    }

    private func readyDeadline(closed: Instant) -> Instant {
        deadline(began: closed, enough: height.enoughSince, limit: roundMilliseconds)
    }

    /// Enough: as many as the rules ask for, and no more are awaited than may be faulty; or f + 1 members that are ready
    /// already; or a complete action: what the operators have decided does not wait for idle trainers.
    private func noteEnough(_ areFewAwaited: Bool, hasAction: Bool) {
        guard height.enoughSince == nil else { return }
        if hasAction { height.isHurried = true }
        if hasAction || areFewAwaited || height.ready.count > chain.members.faultBound { height.enoughSince = now }
    }

    /// Whether the round waits for operators: all that is available lacks approvals, and a version that lists nothing
    /// would help no one. Where a contribution came too late for this round, or more members are ready than may be
    /// faulty, it goes on: what lacks approvals may be listed by a later version.
    private func awaitsApproval(_ content: ReadyContent) -> Bool {
        guard chain.rules.review == .approve, content.slots.isEmpty, content.actions.isEmpty, replayedRoots == nil,
            height.ready.count <= height.members.faultBound, !eligibleSlots.isEmpty
        else { return false }
        return !contributions.order.contains { digest in
            guard let contribution = contributions[digest]?.contribution, contribution.base == chain.headDigest else {
                return false
            }
            return !isCommitted(contribution, digest) && isTooLate(contribution)
        }
    }

    /// Of how many authors other than `present` a committed contribution on the head is awaited, counted to one beyond
    /// `limit`; and whether others may be committed yet, if all members say so that can be reached. What was refused is
    /// not awaited, nor what only a member has that cannot be reached; while there is too little to list anything, it may come
    /// back (`fromAnywhere`).
    private func awaitedContributions(
        beyond present: Set<MemberID>, _ round: CommitmentRound, limit: Int, fromAnywhere: Bool
    ) -> (committed: Int, isMoreExpected: Bool) {
        let silent = round.members.members.enumerated().filter { round.statements[$0.offset] == nil }
        let speakers = silent.count { isReached($0.element.id) }
        var awaited: Set<MemberID> = []
        var isMoreExpected = false
        for commitment in round.named where !present.contains(commitment.author) {
            guard awaited.count <= limit else { break }
            let isCommitted = round.isCommitted(commitment)
            guard isCommitted || !isMoreExpected && round.mayBeCommitted(commitment, awaiting: speakers) else {
                continue
            }
            if case .refused = contributions[commitment.contribution]?.status { continue }
            let slot = Slot(author: commitment.author, base: chain.headDigest)
            guard chain.isEligible(slot), fromAnywhere || isWithinReach(commitment.author) else { continue }
            if isCommitted { awaited.insert(commitment.author) } else { isMoreExpected = true }
        }
        return (awaited.count, isMoreExpected)
    }

    /// Authors whose contribution of this round may be listed. What an author has left over from an earlier round does not
    /// replace it, unless it lacks approvals only: no round waits for operators while it has something to list.
    private func authorsPresent(_ content: ReadyContent) -> Set<MemberID> {
        let head = chain.headDigest
        var present = Set(content.nameable.lazy.filter { $0.base == head }.map(\.author))
        guard chain.rules.review == .approve else { return present }
        for slot in content.nameable
        where contributions.slots[Slot(author: slot.author, base: head)]?.certificate != nil {
            present.insert(slot.author)
        }
        return present
    }

    func isReached(_ member: MemberID) -> Bool {
        member == identity.member || links.link(to: member) != nil || isReachedByPeer(member)
    }

    /// No member waits for one to which neither this node nor a peer of it has a link, and whose contribution is not
    /// here in whole.
    private func isWithinReach(_ author: MemberID) -> Bool {
        if isReached(author) { return true }
        return contributions.order.contains { digest in
            guard let candidate = contributions[digest] else { return false }
            return candidate.contribution.author == author && candidate.contribution.base == chain.headDigest
                && candidate.isComplete
        }
    }

    func ownReadyIsDurable(_ ready: Signed<Ready>) {
        guard ready.body.height == height.height else { return }
        count(ready)
        send(.ready(ready), to: .all())
    }

    func received(_ ready: Signed<Ready>, from link: LinkID) {
        guard ready.body.height == height.height, ready.body.parent == chain.headDigest,
            let index = height.members.index(of: ready.signer)
        else { return }
        if let known = height.ready[index] {
            guard known != ready else { return }
            let digest = ready.objectDigest
            let isNamed = height.payloads.values.contains { $0.support.ready.contains(digest) }
            guard isNamed, height.readyObjects[digest] == nil else { return }
        }
        guard chain.isValid(ready, verifier: verifier) else {
            guard !isNamedByDecision({ $0.support.ready.contains(ready.objectDigest) }) else {
                return raise(.inapplicableVersion(height.height))
            }
            cutOff(link, .invalidSignature)
            return
        }
        count(ready)
        send(.ready(ready), to: .unreached(by: ready.signer, from: link))
    }

    private func count(_ ready: Signed<Ready>) {
        guard let index = height.members.index(of: ready.signer) else { return }
        let isFirst = height.keep(ready, at: index)
        if isFirst { pacing.idleTicks = 0 }
        if height.quorumReadySince == nil, height.ready.count >= height.members.quorum {
            height.quorumReadySince = now
            emit(.quorumReady(height.height))
            if height.viewStarted == nil { height.enterView(at: now) }
        }
        if isFirst { fetchNamedActions(ready.body) }
        pacing.progressed = true
    }

    /// What a member names as complete it can show.
    private func fetchNamedActions(_ ready: Ready) {
        let lacking = ready.actions.filter { governance[$0]?.complete(on: chain) == nil }
        if !lacking.isEmpty { fetch(lacking.map { .proposal($0) }) }
    }
}
