import Crypto
import Ledger

extension Node {
    /// Signs what this node holds, once per height: as soon as every expected member has contributed, or there is enough
    /// (a complete action is enough) and the grace has passed, or at the deadline.
    func signReadyIfDue() {
        guard selfIndex != nil, height.own.ready == nil, height.decided == nil, maySign(at: height.height)
        else { return }
        openWindows()
        let content = readyContent()
        guard !content.isEmpty || replayedRoots != nil else { return }
        noteEnough(content.nameable.count, hasAction: !content.actions.isEmpty)
        guard isReadyDue(content) else { return }
        let ready = sign(
            Ready(
                height: height.height, parent: chain.headDigest, slots: content.slots,
                actions: content.actions.map(\.action.digest),
                reviews: content.reviews + otherReviews(than: content.reviews), replayed: replayedRoots),
            by: ownKey)
        height.own.ready = ready
        // Whoever names an action must be able to show it, with all that makes it complete.
        let certificates = content.slots.compactMap { contributions.slots[$0]?.certificate }
            .map { JournalEntry.availability($0) }
        let actions = content.actions.map { JournalEntry.action(Held(height: height.height, body: $0)) }
        persist(certificates + actions + [.ready(ready)], then: [.ownReady(ready)])
        emit(.readySigned(height.height, slots: content.slots.count))
    }

    private func isReadyDue(_ content: ReadyContent) -> Bool {
        let slots = content.nameable
        let suffices = suffice(slots)
        guard suffices || !content.actions.isEmpty || replayedRoots != nil else { return false }
        if suffices, !awaitsReplay, !expectsMore(than: contributions.authors(of: slots)) { return true }
        return readyDeadline.map { $0 <= now } ?? false
    }

    /// Whether these are contributions of as many members as the rules ask for. Fewer start no version by themselves.
    private func suffice(_ slots: [Slot]) -> Bool {
        contributions.authors(of: slots).count >= Int(chain.rules.minContributions)
    }

    /// When to stop waiting for more contributions.
    var readyDeadline: Instant? {
        guard selfIndex != nil, height.own.ready == nil, height.decided == nil, maySign(at: height.height),
            replayedRoots != nil || suffice(eligibleSlots) || !completeActions.isEmpty
        else { return nil }
        let deadline = height.began + roundMilliseconds
        guard let enough = height.enoughSince, !awaitsReplay else { return deadline }
        let grace = max(timing.graceMinimum, enough.since(height.began) * timing.gracePercent / 100)
        return min(deadline, enough + grace)
    }

    /// Enough: as many as the rules ask for and a quorum of members, or f + 1 members that are ready already, or a
    /// complete action: what the operators have decided does not wait for idle trainers.
    private func noteEnough(_ count: Int, hasAction: Bool) {
        guard height.enoughSince == nil else { return }
        let enough = max(Int(chain.rules.minContributions), chain.members.quorum)
        if hasAction || count >= min(enough, chain.members.count) || height.ready.count > chain.members.faultBound {
            height.enoughSince = now
        }
    }

    /// Whether a member is expected that is not among `present`: one that has something on the way, or contributed to the
    /// last version; before the first version, every member that is linked.
    private func expectsMore(than present: Set<MemberID>) -> Bool {
        func isAwaited(_ author: MemberID) -> Bool {
            !present.contains(author) && chain.members[author] != nil && isWithinReach(author)
        }
        if chain.height == .genesis {
            if isAwaited(identity.member) || links.members.contains(where: isAwaited) { return true }
        } else if chain.head.manifest.contains(where: { isAwaited($0.slot.author) }) {
            return true
        }
        return contributions.authors(on: chain.headDigest).contains(where: isAwaited)
    }

    /// Nobody waits for a member to which neither this node nor a peer of it has a link, and whose contribution is not here
    /// in whole.
    private func isWithinReach(_ author: MemberID) -> Bool {
        if author == identity.member || links.link(to: author) != nil || isReachedByPeer(author) { return true }
        return contributions.order.contains { digest in
            guard let candidate = contributions[digest] else { return false }
            return candidate.contribution.author == author && candidate.contribution.base == chain.headDigest
                && candidate.isComplete
        }
    }

    func ownReadyIsDurable(_ ready: Signed<Ready>) {
        guard ready.body.height == height.height else { return }
        count(ready)
        broadcast(.ready(ready))
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
            cutOff(link, .invalidSignature)
            return
        }
        count(ready)
        relay(.ready(ready), of: ready.signer, from: link)
    }

    private func count(_ ready: Signed<Ready>) {
        guard let index = height.members.index(of: ready.signer) else { return }
        if height.keep(ready, at: index) { pacing.idleTicks = 0 }
        if height.quorumReadySince == nil, height.ready.count >= height.members.quorum {
            height.quorumReadySince = now
            emit(.quorumReady(height.height))
            if height.viewStarted == nil { height.viewStarted = now }
        }
        fetchNamedActions(ready.body)
        pacing.progressed = true
    }

    /// What a member names as complete it can show.
    private func fetchNamedActions(_ ready: Ready) {
        let lacking = ready.actions.filter { governance[$0]?.complete(on: chain) == nil }
        if !lacking.isEmpty { fetch(lacking.map { .proposal($0) }) }
    }
}
