import Crypto
import Ledger

extension Node {
    /// Asks the next peer for certified versions, where somebody claims enough of them.
    func walkOn() {
        guard synchronisation.request == nil, synchronisation.durable == synchronisation.walk.height, !isStopped else {
            return
        }
        let tip = synchronisation.walk.height
        guard links.highestClaimed > tip else { return }
        let claimants = links.order.filter { isBelieved($0) && (links[$0]?.claimedHeight ?? .genesis) > tip }
        guard let highest = claimants.compactMap({ links[$0]?.claimedHeight }).max() else { return }
        // A node that lags a little replays. One that walks already, or cannot replay, goes to the end.
        let least = synchronisation.isActive ? 1 : Walk.lagLeast(chain.rules)
        guard highest.value >= tip.value + least || (tip > chain.height && highest > tip) else { return }
        guard let link = claimants.randomElement(using: &random) else { return }
        synchronisation.request = WalkRequest(link: link, heard: now)
        send(.walk(from: tip.next), to: link)
    }

    private func isBelieved(_ link: LinkID) -> Bool { synchronisation.doubted[link].map { $0 <= now } ?? true }

    /// A peer walks. The shell sends from the store, within `Wire.walkBytesMaximum`.
    func received(walk from: Height, from link: LinkID) {
        if from > .genesis, from <= chain.height { actions.append(.sendWalk(link, from: from)) }
    }

    func received(_ part: WalkPart, from link: LinkID) {
        guard var request = synchronisation.request, request.link == link else { return }
        guard part.height == synchronisation.walk.height.next, part.offset == request.bytes.count,
            part.offset == 0 || part.byteCount == request.byteCount
        else { return }  // of an answer that this node has given up, or after something that was lost
        request.heard = now
        request.gaveSomething = true
        request.byteCount = part.byteCount
        request.bytes += part.bytes
        guard request.bytes.count == part.byteCount else {
            synchronisation.request = request
            return
        }
        let bytes = request.bytes
        request.bytes = []
        synchronisation.request = part.isLast ? nil : request
        guard let certified = try? CertifiedVersion(encoded: bytes) else {
            cutOff(link, .malformedMessage)
            return
        }
        walked(certified, from: link)
    }

    /// One version further, if everything about it stands.
    private func walked(_ certified: CertifiedVersion, from link: LinkID) {
        guard !isStopped else { return }
        let tip = synchronisation.walk.tip.chain
        do throws(AuditFault) {
            _ = try tip.audited(certified, verifier: verifier)
        } catch {
            synchronisation.request = nil
            // A quorum's signature over something that does not continue this chain: there are two chains.
            if certified.version.parent != tip.headDigest,
                tip.isCertified(certified.version, by: certified.certificate, verifier: verifier)
            {
                persist([.conflictingCertificate(certified.certificate)], then: [])
                raise(.conflictingCertificates(certified.height))
            } else {
                cutOff(link, .invalidSignature)
            }
            return
        }
        do throws(PayloadFault) {
            try synchronisation.walk.extend(by: certified)
        } catch {
            preconditionFailure("an audited version continues the chain")
        }
        if certified.height == height.height, height.decided == nil {
            // Nothing is signed at a height that is decided.
            height.decided = certified.certificate
            height.cameCertified = true
        }
        persist([.walked(certified)], then: [.walked(certified.height)])
        pacing.progressed = true
    }

    func walkIsDurable(_ height: Height) {
        // A version that was adopted meanwhile began the walk anew.
        guard height <= synchronisation.walk.height else { return }
        synchronisation.durable = max(synchronisation.durable, height)
        if synchronisation.request == nil { emit(.walked(height)) }
    }

    /// A peer that claims versions and gives none is asked no more for a while; its claim keeps nobody waiting.
    func expireWalk() {
        guard let request = synchronisation.request, now.since(request.heard) >= timing.pieceTimeout else { return }
        synchronisation.request = nil
        if !request.gaveSomething { synchronisation.doubted[request.link] = now + 8 * timing.pieceTimeout }
        pacing.progressed = true
    }

    var walkDeadline: Instant? { synchronisation.request.map { $0.heard + timing.pieceTimeout } }

    /// Whether the walk has come to the end of what peers claim and are believed: its pinned versions are the newest.
    var isWalkDone: Bool {
        synchronisation.request == nil && synchronisation.durable == synchronisation.walk.height
            && links.order.contains { links[$0]?.hasReported ?? false }
    }

    /// Members, other than this node, of the set that follows the tip who have said where they stand and whom the walk
    /// has reached. A joiner waits for a quorum of them: then an honest one has shown it the newest version that it
    /// knows.
    var reporters: Int {
        let tip = synchronisation.walk.tip.chain
        let reached = tip.height.value + Walk.lagLeast(tip.rules)
        return tip.members.members.count { member in
            guard member.id != identity.member, let link = links.link(to: member.id).flatMap({ links[$0] }) else {
                return false
            }
            return link.hasReported && link.claimedHeight.value < reached
        }
    }

    /// Whether a joiner may take its first parameters; any other node relies on its own chain.
    var mayTakeParameters: Bool {
        guard synchronisation.isJoining else { return true }
        let members = synchronisation.walk.tip.chain.members
        let others = members[identity.member] == nil ? members.count : members.count - 1
        return synchronisation.walk.awaited == nil && reporters >= min(members.quorum, others)
    }
}
