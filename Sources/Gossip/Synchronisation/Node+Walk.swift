import Crypto
import Ledger

extension Node {
    /// Asks the next peer for certified versions, where somebody claims enough of them. Those that failed before are
    /// asked again only while nobody else claims as much, and wait again as soon as somebody does.
    ///
    /// While a version is being adopted nothing is walked: the walk begins anew from it, and what the old one still brought
    /// would come to lie on disk behind it, as if it were beyond.
    func walkOn() {
        guard synchronisation.durable == synchronisation.walk.height, !isStopped, !height.isAdopting else { return }
        if let request = synchronisation.request, synchronisation.doubted[request.member] == nil { return }
        let tip = synchronisation.walk.height
        guard links.highestClaimed > tip else { return }
        let claimants = links.order.filter { (links[$0]?.claimedHeight ?? .genesis) > tip }
        let believed = claimants.filter { doubtedUntil($0) == nil }
        if isWorthAWalk(believed) {
            endWalkRequest()
            askForWalk(believed)
        } else if synchronisation.request == nil {
            let due = claimants.filter { link in doubtedUntil(link).map { $0 <= now } ?? true }
            if isWorthAWalk(due) { askForWalk(due) }
        }
    }

    private func doubtedUntil(_ link: LinkID) -> Instant? {
        links[link].flatMap { synchronisation.doubted[$0.member] }
    }

    private func isWorthAWalk(_ claimants: [LinkID]) -> Bool {
        guard let highest = claimants.compactMap({ links[$0]?.claimedHeight }).max() else { return false }
        let tip = synchronisation.walk.height
        // A node that lags a little replays. One that walks already, or cannot replay, goes to the end.
        let least = synchronisation.isActive ? 1 : Walk.lagLeast(chain.rules)
        return highest.value >= tip.value + least || (tip > chain.height && highest > tip)
    }

    private func askForWalk(_ claimants: [LinkID]) {
        guard let link = claimants.randomElement(using: &random), let member = links[link]?.member else { return }
        synchronisation.request = WalkRequest(link: link, member: member, asked: now)
        send(.walk(from: synchronisation.walk.height.next), to: link)
    }

    /// A peer walks. The shell sends from the store, within `Wire.walkBytesMaximum`.
    func received(walk from: Height, from link: LinkID) {
        if from > .genesis, from <= chain.height { actions.append(.sendWalk(link, from: from)) }
    }

    func received(_ part: WalkPart, from link: LinkID) {
        // Taken in place: a copy of the request would copy what came so far with every part.
        guard synchronisation.request?.link == link, part.height == synchronisation.walk.height.next,
            let bytes = synchronisation.request?.take(part)
        else { return }
        guard let certified = try? CertifiedVersion(encoded: bytes) else {
            endWalkRequest()
            cutOff(link, .malformedMessage)
            return
        }
        walked(certified, isLast: part.isLast, from: link)
    }

    /// One version further, if everything about it stands.
    private func walked(_ certified: CertifiedVersion, isLast: Bool, from link: LinkID) {
        guard !isStopped else { return }
        let tip = synchronisation.walk.tip.chain
        do throws(AuditFault) {
            _ = try tip.audited(certified, verifier: verifier)
        } catch {
            endWalkRequest()
            guard tip.isCertified(certified.version, by: certified.certificate, verifier: verifier) else {
                cutOff(link, .invalidSignature)
                return
            }
            if certified.version.parent != tip.headDigest {
                // A quorum's signature over something that does not continue this chain: there are two chains.
                persist([.conflictingCertificate(certified.certificate)], then: [])
                raise(.conflictingCertificates(certified.height))
            } else if certified.holdsWhatItNames, !error.concernsSignatureAlone {
                // Every peer would give the same: cutting them off one after the other would hide it.
                raise(.inapplicableVersion(certified.height))
            } else {
                cutOff(link, .invalidSignature)
            }
            return
        }
        // What a certificate from elsewhere has decided before may be another version.
        guard witness(certified.certificate, from: link), !isStopped else { return endWalkRequest() }
        let lackedAwaited = synchronisation.walk.lacksAwaited
        do throws(PayloadFault) {
            try synchronisation.walk.extend(by: certified)
        } catch {
            preconditionFailure("an audited version continues the chain")
        }
        synchronisation.request?.gaveVersion = true
        if let member = links[link]?.member {
            synchronisation.doubted[member] = nil
            synchronisation.unanswered[member] = nil
        }
        if isLast || synchronisation.request?.isFull == true { endWalkRequest() }
        if certified.height == height.height, height.decided == nil {
            // Nothing is signed at a height that is decided.
            height.decided = certified.certificate
            height.cameCertified = true
        }
        // The walk was only to see whether this is the right chain: a replay was put off for it.
        if lackedAwaited, !synchronisation.isActive { send(.fetch([.version(height.height)]), to: link) }
        persist([.walked(certified)], then: [.walked(certified.height)])
        pacing.progressed = true
    }

    func walkIsDurable(_ height: Height) {
        // A version that was adopted meanwhile began the walk anew.
        guard height <= synchronisation.walk.height else { return }
        synchronisation.durable = max(synchronisation.durable, height)
        if synchronisation.request == nil { emit(.walked(height)) }
    }

    func expireWalk() {
        guard let deadline = walkDeadline, deadline <= now else { return }
        endWalkRequest()
        pacing.progressed = true
    }

    var walkDeadline: Instant? { synchronisation.request.map { $0.deadline(pieceTimeout: timing.pieceTimeout) } }

    /// A peer that claims versions and gives none is asked no more for a while, the longer the more such peers there
    /// are: asking them again takes an eighth of the time at most.
    private func endWalkRequest() {
        guard let request = synchronisation.request else { return }
        synchronisation.request = nil
        guard !request.gaveVersion else { return }
        synchronisation.unanswered[request.member] = nil
        synchronisation.doubted[request.member] = now
        let count = links.order.count { doubtedUntil($0) != nil }
        synchronisation.doubted[request.member] = now + 8 * timing.pieceTimeout * UInt64(count)
    }

    /// An adoption ends the walk, and with it the request. The peer may have had no time to answer, so it is doubted only
    /// once its requests have waited for a piece timeout in all.
    func dropWalkRequest() {
        guard let request = synchronisation.request, !request.gaveVersion else {
            synchronisation.request = nil
            return
        }
        let waited = synchronisation.unanswered[request.member, default: 0] + now.since(request.asked)
        guard waited < timing.pieceTimeout else { return endWalkRequest() }
        synchronisation.request = nil
        synchronisation.unanswered[request.member] = waited
    }

    /// A peer whose link goes before it gave anything may be asked again over the next one, and is not waited for.
    func forgetWalk(of link: LinkID) {
        guard let request = synchronisation.request, request.link == link else { return }
        synchronisation.request = nil
        if !request.gaveVersion { synchronisation.doubted[request.member] = now }
    }

    /// From this head on. Who is doubted stays so unless this chain bears out what it claims.
    func beginWalkAnew(from chain: Chain) {
        let awaited = synchronisation.walk.awaited(beyond: chain.height)
        let before = synchronisation
        synchronisation = Synchronisation(walk: Walk(chain: chain, awaiting: awaited), lacksParameters: false)
        synchronisation.doubted = before.doubted.filter { member, _ in
            let link = links.link(to: member).flatMap { links[$0] }
            return link.map { $0.claimedHeight > chain.height } ?? true
        }
        // Whatever it claims in between, only a version ends the count.
        synchronisation.unanswered = before.unanswered.filter { links.link(to: $0.key) != nil }
    }

    /// Whether the walk has come to the end of what peers claim and are believed: its pinned versions are the newest.
    var isWalkDone: Bool {
        synchronisation.request.map { synchronisation.doubted[$0.member] != nil } ?? true
            && synchronisation.durable == synchronisation.walk.height
            && links.order.contains { links[$0]?.hasReported ?? false }
    }

    /// Members, other than this node, of the set that follows the tip who have said where they stand and whom the walk
    /// has reached, or who gave nothing of what they claim beyond it. A joiner waits for a quorum of them: then an honest
    /// one has shown it the newest version that it knows.
    var reporters: Int {
        let tip = synchronisation.walk.tip.chain
        let reached = tip.height.value + Walk.lagLeast(tip.rules)
        return tip.members.members.count { member in
            guard member.id != identity.member, let link = links.link(to: member.id).flatMap({ links[$0] }) else {
                return false
            }
            return link.hasReported
                && (link.claimedHeight.value < reached || synchronisation.doubted[member.id] != nil)
        }
    }

    /// Whether the walk shows what has to be seen before parameters are taken: the version that an invitation names, and
    /// to a joiner's first ones a quorum. Any other node relies on its own chain.
    var mayTakeParameters: Bool {
        guard !synchronisation.walk.lacksAwaited else { return false }
        guard synchronisation.isJoining else { return true }
        let members = synchronisation.walk.tip.chain.members
        let others = members[identity.member] == nil ? members.count : members.count - 1
        return reporters >= min(members.quorum, others)
    }

    /// The certified version at `height`, adopted or walked; nil where there is none yet, or it is too long ago.
    public func certifiedVersion(at height: Height) -> VersionDigest? {
        synchronisation.walk.tip.chain.history.version(at: height)
    }
}
