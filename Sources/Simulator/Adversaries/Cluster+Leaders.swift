import Crypto
import Gossip
import Ledger

/// Leaders that show others something else than their node proposed.
extension Cluster {
    /// The behaviours that replace proposals.
    private static let leading: [ByzantineBehaviour] = [
        .equivocatesProposals, .censors, .reproposesUnjustified, .listsUnavailable,
    ]

    func replacesProposals(_ site: Site) -> Bool { Cluster.leading.contains { site.does($0) } }

    /// What a peer gets in place of a message that carries a proposal of the site's own node, or its payload alone.
    func replaced(_ bytes: [UInt8], _ scan: RecordScan, from site: Site, to peer: Site) -> [[UInt8]] {
        if let own = scan.proposals.first(where: { $0.signer == site.identity.member }) {
            let shown = Coalition.Shown(site: site.index, proposal: own.body)
            if coalition.substitutes[shown] == nil {
                coalition.substitutes[shown] = .some(substitute(for: own.body, of: site))
            }
            guard let substitute = coalition.substitutes[shown] ?? nil, substitute.isShownTo[peer.member] else {
                return [bytes]
            }
            return substitute.messages
        }
        guard let payload = scan.payloads.first, scan.certificates.isEmpty else { return [bytes] }
        let version = payload.version.versionDigest
        let isHidden = coalition.substitutes.contains { shown, substitute in
            shown.site == site.index && substitute?.hidden == version && substitute?.isShownTo[peer.member] == true
        }
        return isHidden ? [] : [bytes]
    }

    private func substitute(for proposal: Proposal, of site: Site) -> Substitute? {
        guard let process = site.process, proposal.height == process.node.chain.nextHeight,
            let position = position(of: site)
        else { return nil }
        let behaviour = byzantineRandom.pick(Cluster.leading.filter { site.does($0) })
        let isFresh = proposal.reproposed == .none
        var reproposed = View.none
        if behaviour == .reproposesUnjustified {
            // Afresh over a notarization, or, over none, as if there had been one.
            guard proposal.view > .first else { return nil }
            if isFresh { reproposed = View(UInt32(byzantineRandom.draw(1...UInt64(proposal.view.value - 1)))) }
        } else {
            guard isFresh else { return nil }
        }
        let chain = process.node.chain
        guard let forged = forgedPayload(over: chain, by: behaviour, isReproposed: reproposed > .none) else {
            return nil
        }
        let messages = messages(proposing: forged, by: position, in: proposal.view, from: reproposed)
        let isForHalf = behaviour == .equivocatesProposals
        let isShownTo = (0..<options.nodes).map { _ in !isForHalf || byzantineRandom.chance(50) }
        if isShownTo.contains(true), isWrong(forged, over: chain, by: behaviour) { counts.add(behaviour) }
        return Substitute(isShownTo: isShownTo, messages: messages, hidden: proposal.version)
    }

    /// Where there is nothing to list, nothing can be left out of it or listed wrongly.
    private func isWrong(_ forged: EmbeddedPayload, over chain: Chain, by behaviour: ByzantineBehaviour) -> Bool {
        switch behaviour {
        case .censors: forged.version.manifest.count < chain.slotsToList(by: forged.ready.map(\.body)).count
        case .listsUnavailable: !forged.availability.isEmpty
        default: true
        }
    }

    /// Proposals for views to come that the member leads, whatever will be notarized or given up before: who enters
    /// such a view finds one there. The payload is valid where it claims to be fresh.
    func proposeAhead(_ position: Int, _ site: Site, _ chain: Chain) {
        guard let process = site.process, chain.members.digest == coalition.members.digest else { return }
        let view = process.node.report(now: process.clock.reading(at: now)).view
        let order = LeaderOrder(network: chain.network, height: chain.nextHeight, memberCount: chain.members.count)
        for ahead in (1...4).map({ View(view.value + $0) }) where order.leader(of: ahead) == position {
            let reproposed =
                byzantineRandom.chance(50) ? View.none : View(UInt32(byzantineRandom.draw(1...UInt64(ahead.value - 1))))
            let place = Coalition.LedPlace(site: site.index, height: chain.nextHeight, view: ahead)
            guard !coalition.proposedAhead.contains(place),
                let forged = forgedPayload(over: chain, by: .reproposesUnjustified, isReproposed: reproposed > .none)
            else { continue }
            coalition.proposedAhead.insert(place)
            counts.add(.reproposesUnjustified)
            for message in messages(proposing: forged, by: position, in: ahead, from: reproposed) {
                spread(message, from: site)
            }
        }
    }

    /// The proposal and everything that its receivers need to judge it.
    func messages(
        proposing forged: EmbeddedPayload, by position: Int, in view: View, from reproposed: View
    ) -> [[UInt8]] {
        let version = forged.version.versionDigest
        let signed = coalition.signed(
            Proposal(height: forged.version.height, view: view, version: version, reproposed: reproposed),
            by: position)
        var messages = [ForgedMessage.proposal(signed), ForgedMessage.payload(forged.payload)]
        coalition.answer(version.digest, with: messages[1])
        for certificate in forged.availability {
            messages.append(ForgedMessage.availability(certificate))
            coalition.answer(certificate.digest, with: ForgedMessage.availability(certificate))
        }
        for closing in forged.closings {
            messages.append(ForgedMessage.closing(closing.names))
            coalition.answer(closing.names.digest, with: ForgedMessage.closing(closing.names))
            for closed in closing.statements {
                messages.append(ForgedMessage.closed(closed))
                coalition.answer(closed.objectDigest, with: ForgedMessage.closed(closed))
            }
        }
        for ready in forged.ready {
            messages.append(ForgedMessage.ready(ready))
            coalition.answer(ready.objectDigest, with: ForgedMessage.ready(ready))
        }
        return messages
    }

    /// A payload for the next height from what the colluders know: valid where they are only two-faced.
    ///
    /// - Parameter isReproposed: whether it is to be taken for one that a quorum has judged, so that its roots may be
    ///   any.
    private func forgedPayload(
        over chain: Chain, by behaviour: ByzantineBehaviour, isReproposed: Bool
    ) -> EmbeddedPayload? {
        var records = (coalition.ready[chain.nextHeight.value] ?? [:]).filter {
            $0.value.body.parent == chain.headDigest
        }
        let slots = coalition.certifiableSlots(on: chain.headDigest)
        for colluder in coalition.colluders {
            let named = slots.filter { _ in byzantineRandom.chance(70) }
            records[colluder] = coalition.signed(
                Ready(height: chain.nextHeight, parent: chain.headDigest, slots: named), by: colluder)
        }
        let signers = records.keys.sorted()
        guard signers.count >= chain.members.quorum, chain.members.digest == coalition.members.digest else {
            return nil
        }
        let chosen = byzantineRandom.permutation(of: signers.count).prefix(chain.members.quorum)
        let ready = chosen.compactMap { records[signers[$0]] }.sorted { $0.objectDigest < $1.objectDigest }
        var listed = chain.slotsToList(by: ready.map(\.body))
        if behaviour == .censors, !listed.isEmpty {
            let left = byzantineRandom.chance(50) ? nil : byzantineRandom.pick(listed)
            listed = left.map { left in listed.filter { $0 != left } } ?? []
        }
        var availability: [Slot: AvailabilityCertificate] = [:]
        for slot in listed { availability[slot] = someCertificate(slot, isForged: behaviour == .listsUnavailable) }
        guard
            let manifest = chain.manifest(
                listing: listed, availability: availability, contributions: coalition.records(of: listed))
        else { return nil }
        var roots = work.roots(parent: chain.head.roots, manifest: manifest)
        if isReproposed {
            roots = StateRoots(parameters: Digest(DigestDomain("mesh/sim-wrong"), roots.parameters.bytes))
        }
        let closings = coalition.closings(for: manifest)
        let support = Support(ready: ready.map(\.objectDigest), closings: closings.map(\.names.digest))
        let version = Version(
            network: chain.network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest, action: nil,
            rules: chain.rules.digest, members: chain.members.digest, support: support.digest, roots: roots)
        return EmbeddedPayload(
            payload: Ledger.Payload(version: version, support: support), ready: ready, closings: closings,
            availability: listed.compactMap { availability[$0] })
    }

    /// One of the certificates that the colluders can make; forged: of as many signatures, all but their own wrong.
    private func someCertificate(_ slot: Slot, isForged: Bool) -> AvailabilityCertificate? {
        let known = coalition.certifiable(slot)
        guard !known.isEmpty else { return nil }
        let (vote, all) = byzantineRandom.pick(known)
        let signers = all.keys.sorted()
        let chosen = byzantineRandom.permutation(of: signers.count).prefix(coalition.members.quorum).map { signers[$0] }
        var signatures: [Int: Signature] = [:]
        for signer in chosen {
            let isOwn = coalition.colluders.contains(signer)
            signatures[signer] = isForged && !isOwn ? wrongSignature() : all[signer]
        }
        return AvailabilityCertificate(
            vote: vote, signatures: QuorumSignatures(signatures, memberCount: coalition.members.count))
    }

    /// Bytes that sign nothing.
    func wrongSignature() -> Signature {
        var bytes: [UInt8] = []
        while bytes.count < Signature.byteCount {
            let word = byzantineRandom.next()
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
        }
        guard let signature = Signature(bytes: bytes) else { preconditionFailure("64 bytes are a signature") }
        return signature
    }

    /// A Byzantine member's shell answers who asks for what the colluders forged.
    func answerForgeries(_ bytes: [UInt8], _ site: Site, _ link: LinkID) {
        guard !coalition.forgeries.isEmpty, !site.does(.silent), !site.does(.withholdsPayloads),
            let mine = site.process?.links[link]
        else { return }
        for name in ForgedMessage.fetchedDigests(bytes).prefix(8) {
            if let message = coalition.forgeries[name] { transmit(message, from: site, over: mine) }
        }
    }
}
