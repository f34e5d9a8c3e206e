import Crypto
import Ledger

extension Node {
    /// Signs what this node holds, once a height: as soon as everybody expected has contributed, or enough have and
    /// the grace has passed, or at the deadline.
    func signReadyIfDue() {
        guard selfIndex != nil, height.own.ready == nil, height.decided == nil, !isStopped else { return }
        let slots = chain.newest(eligibleSlots, limit: Wire.readySlotsMaximum)
        guard !slots.isEmpty else { return }
        noteEnough(slots.count)
        guard isReadyDue(slots) else { return }
        let ready = Signed(
            Ready(height: height.height, parent: chain.headDigest, slots: slots), signer: identity.member,
            key: identity.nodeKey, network: chain.network)
        height.own.ready = ready
        let certificates = slots.compactMap { contributions.slots[$0]?.certificate }
        persist(certificates.map { .availability($0) } + [.ready(ready)], then: [.ownReady(ready)])
        emit(.readySigned(height.height, slots: slots.count))
    }

    private func isReadyDue(_ slots: [Slot]) -> Bool {
        if expectedAuthors.isSubset(of: Set(slots.map(\.author))) { return true }
        return readyDeadline.map { $0 <= now } ?? false
    }

    /// When to stop waiting for more contributions.
    var readyDeadline: Instant? {
        guard height.own.ready == nil, height.decided == nil, selfIndex != nil, !isStopped,
            contributions.slots.values.contains(where: { $0.certificate != nil })
        else { return nil }
        let deadline = height.began + timing.roundDeadline
        guard let enough = height.enoughSince else { return deadline }
        let grace = max(timing.graceMinimum, enough.since(height.began) * timing.gracePercent / 100)
        return min(deadline, enough + grace)
    }

    /// Enough: as many as the rules hope for and a quorum of members, or f + 1 members that are ready already.
    private func noteEnough(_ count: Int) {
        guard height.enoughSince == nil else { return }
        let hoped = max(Int(chain.rules.minContributions), chain.members.quorum)
        if count >= min(hoped, chain.members.count) || height.ready.count > chain.members.faultBound {
            height.enoughSince = now
        }
    }

    /// Members that have something on the way, or contributed to the last version; before the first version, every
    /// member that is linked.
    var expectedAuthors: Set<MemberID> {
        var authors = Set(chain.head.manifest.map(\.slot.author))
        if chain.height == .genesis { authors = Set(linkedMembers + [identity.member]) }
        for digest in contributions.order {
            guard let candidate = contributions[digest], candidate.contribution.base == chain.headDigest else {
                continue
            }
            if case .refused = candidate.status { continue }
            authors.insert(candidate.contribution.author)
        }
        return authors.filter { chain.members[$0] != nil && isWithinReach($0) }
    }

    /// Nobody waits for a member whose link is down and whose contribution is not here in whole.
    private func isWithinReach(_ author: MemberID) -> Bool {
        if author == identity.member || links.link(to: author) != nil { return true }
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
        let digest = ready.objectDigest
        let isNamed = height.payloads.values.contains { $0.support.ready.contains(digest) }
        guard height.ready[index] == nil || (isNamed && height.readyObjects[digest] == nil) else { return }
        guard ready.isValid(in: height.members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        count(ready)
    }

    private func count(_ ready: Signed<Ready>) {
        guard let index = height.members.index(of: ready.signer) else { return }
        height.readyObjects[ready.objectDigest] = ready
        if height.ready[index] == nil {
            height.ready[index] = ready
            pacing.idleTicks = 0
        }
        if height.quorumReadySince == nil, height.ready.count >= height.members.quorum {
            height.quorumReadySince = now
            emit(.quorumReady(height.height))
            if height.viewStarted == nil { height.viewStarted = now }
        }
        pacing.progressed = true
    }
}
