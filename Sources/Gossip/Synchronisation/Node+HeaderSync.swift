import Crypto
import Ledger
import Link

extension Node {
    /// Asks the next peer for certified versions, if one claims enough of them. Those that failed before are
    /// asked again only while no other peer claims as much, and wait again as soon as one does.
    ///
    /// While a version is being adopted no headers are synced: header sync begins again from it, and what the old one
    /// still brought would come to lie on disk behind it, as if it were beyond.
    func continueHeaderSync() {
        guard synchronisation.durable == synchronisation.headerSync.height, !isStopped, !height.isAdopting else {
            return
        }
        if let request = synchronisation.request, synchronisation.suspected[request.member] == nil { return }
        let tip = synchronisation.headerSync.height
        guard links.highestClaimed > tip else { return }
        let claimants = links.order.filter { (links[$0]?.claimedHeight ?? .genesis) > tip }
        let believed = claimants.filter { suspectedUntil($0) == nil }
        if isWorthHeaderSync(believed) {
            endHeaderRequest()
            requestHeaders(believed)
        } else if synchronisation.request == nil {
            let due = claimants.filter { link in suspectedUntil(link).map { $0 <= now } ?? true }
            if isWorthHeaderSync(due) { requestHeaders(due) }
        }
    }

    private func suspectedUntil(_ link: LinkID) -> Instant? {
        links[link].flatMap { synchronisation.suspected[$0.member] }
    }

    private func isWorthHeaderSync(_ claimants: [LinkID]) -> Bool {
        guard let highest = claimants.compactMap({ links[$0]?.claimedHeight }).max() else { return false }
        let tip = synchronisation.headerSync.height
        // A node that lags a little replays. One that syncs headers already, or cannot replay, goes to the end.
        let least = synchronisation.isActive ? 1 : HeaderSync.lagLeast(chain.rules)
        return highest.value >= tip.value + least || (tip > chain.height && highest > tip)
    }

    private func requestHeaders(_ claimants: [LinkID]) {
        guard let link = claimants.randomElement(using: &random), let member = links[link]?.member else { return }
        synchronisation.request = HeaderRequest(link: link, member: member, asked: now)
        send(.requestHeaders(from: synchronisation.headerSync.height.next), to: link)
    }

    /// A peer requests headers. The shell sends from the store, within `Wire.headerBytesMaximum`.
    func received(headersFrom from: Height, from link: LinkID) {
        if from > .genesis, from <= chain.height { effects.append(.sendHeaders(link, from: from)) }
    }

    func received(_ part: HeaderPart, from link: LinkID) {
        // Taken in place: a copy of the request would copy what came so far with every part.
        guard synchronisation.request?.link == link, part.height == synchronisation.headerSync.height.next,
            let bytes = synchronisation.request?.take(part)
        else { return }
        guard let certified = try? CertifiedVersion(encoded: bytes) else {
            endHeaderRequest()
            cutOff(link, .malformedMessage)
            return
        }
        headerSynced(certified, isLast: part.isLast, from: link)
    }

    /// One version further, if everything about it stands.
    private func headerSynced(_ certified: CertifiedVersion, isLast: Bool, from link: LinkID) {
        guard !isStopped else { return }
        let tip = synchronisation.headerSync.tip.chain
        do throws(AuditFault) {
            _ = try tip.audited(certified, verifier: verifier)
        } catch {
            endHeaderRequest()
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
        guard observe(certified.certificate, from: link), !isStopped else { return endHeaderRequest() }
        let lackedAwaited = synchronisation.headerSync.lacksAwaited
        do throws(PayloadFault) {
            try synchronisation.headerSync.extend(by: certified)
        } catch {
            preconditionFailure("an audited version continues the chain")
        }
        synchronisation.request?.gaveVersion = true
        if let member = links[link]?.member {
            synchronisation.suspected[member] = nil
            synchronisation.unanswered[member] = nil
        }
        if isLast || synchronisation.request?.isFull == true { endHeaderRequest() }
        if certified.height == height.height, height.decided == nil {
            // Nothing is signed at a height that is decided.
            height.decided = certified.certificate
            height.cameCertified = true
        }
        // The header sync was only to see whether this is the right chain: a replay was put off for it.
        if lackedAwaited, !synchronisation.isActive { send(.fetch([.version(height.height)]), to: link) }
        persist([.headerSynced(certified)], then: [.headerSynced(certified.height)])
        pacing.progressed = true
    }

    func headerIsDurable(_ height: Height) {
        // A version that was adopted meanwhile restarted header sync.
        guard height <= synchronisation.headerSync.height else { return }
        synchronisation.durable = max(synchronisation.durable, height)
        if synchronisation.request == nil { emit(.headerSynced(height)) }
    }

    func expireHeaderRequest() {
        guard let deadline = headerRequestDeadline, deadline <= now else { return }
        endHeaderRequest()
        pacing.progressed = true
    }

    var headerRequestDeadline: Instant? {
        synchronisation.request.map { $0.deadline(pieceTimeout: timing.pieceTimeout) }
    }

    /// A peer that claims versions and gives none is asked no more for a while, the longer the more such peers there
    /// are: asking them again takes an eighth of the time at most.
    private func endHeaderRequest() {
        guard let request = synchronisation.request else { return }
        synchronisation.request = nil
        guard !request.gaveVersion else { return }
        synchronisation.unanswered[request.member] = nil
        synchronisation.suspected[request.member] = now
        let count = links.order.count { suspectedUntil($0) != nil }
        synchronisation.suspected[request.member] = now + 8 * timing.pieceTimeout * UInt64(count)
    }

    /// An adoption ends header sync, and with it the request. The peer may have had no time to answer, so it is
    /// suspected only once its requests have waited for a piece timeout in all.
    func dropHeaderRequest() {
        guard let request = synchronisation.request, !request.gaveVersion else {
            synchronisation.request = nil
            return
        }
        let waited = synchronisation.unanswered[request.member, default: 0] + now.since(request.asked)
        guard waited < timing.pieceTimeout else { return endHeaderRequest() }
        synchronisation.request = nil
        synchronisation.unanswered[request.member] = waited
    }

    /// A peer whose link goes before it gave anything may be asked again over the next one, and is not waited for.
    func forgetHeaderRequest(of link: LinkID) {
        guard let request = synchronisation.request, request.link == link else { return }
        synchronisation.request = nil
        if !request.gaveVersion { synchronisation.suspected[request.member] = now }
    }

    /// From this head on. Who is suspected stays so unless this chain bears out what it claims.
    func restartHeaderSync(from chain: Chain) {
        let awaited = synchronisation.headerSync.awaited(beyond: chain.height)
        let before = synchronisation
        synchronisation = Synchronisation(
            headerSync: HeaderSync(chain: chain, awaiting: awaited), lacksParameters: false)
        synchronisation.suspected = before.suspected.filter { member, _ in
            let link = links.link(to: member).flatMap { links[$0] }
            return link.map { $0.claimedHeight > chain.height } ?? true
        }
        // Whatever it claims in between, only a version ends the count.
        synchronisation.unanswered = before.unanswered.filter { links.link(to: $0.key) != nil }
    }

    /// Whether the header sync has come to the end of what peers claim and are believed: its pinned versions are the
    /// newest.
    var isHeaderSyncComplete: Bool {
        synchronisation.request.map { synchronisation.suspected[$0.member] != nil } ?? true
            && synchronisation.durable == synchronisation.headerSync.height
            && links.order.contains { links[$0]?.hasReported ?? false }
    }

    /// Members, other than this node, of the set that follows the tip who have said where they stand and whom the
    /// header sync has reached, or who gave nothing of what they claim beyond it. A joiner waits for a quorum of them:
    /// then an honest one has shown it the newest version that it knows.
    var reporters: Int {
        let tip = synchronisation.headerSync.tip.chain
        let reached = tip.height.value + HeaderSync.lagLeast(tip.rules)
        return tip.members.members.count { member in
            guard member.id != identity.member, let link = links.link(to: member.id).flatMap({ links[$0] }) else {
                return false
            }
            return link.hasReported
                && (link.claimedHeight.value < reached || synchronisation.suspected[member.id] != nil)
        }
    }

    /// Whether the header sync shows what has to be seen before parameters are taken: the version that an invitation
    /// names, and to a joiner's first ones a quorum. Any other node relies on its own chain.
    var mayTakeParameters: Bool {
        guard !synchronisation.headerSync.lacksAwaited else { return false }
        guard synchronisation.isJoining else { return true }
        let members = synchronisation.headerSync.tip.chain.members
        let others = members[identity.member] == nil ? members.count : members.count - 1
        return reporters >= min(members.quorum, others)
    }

    /// The certified version at `height`, adopted or synced; nil where there is none yet, or it is too long ago.
    public func certifiedVersion(at height: Height) -> VersionDigest? {
        synchronisation.headerSync.tip.chain.history.version(at: height)
    }
}
