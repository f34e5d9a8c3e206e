import Crypto
import Gossip
import Ledger

/// What a Byzantine member's shell does to what its node says, and to what its machine tells the node.
extension Cluster {
    /// What leaves in place of a message of the member's node.
    func altered(_ bytes: [UInt8], from site: Site, to peer: Site, over mine: LinkEnd) -> [[UInt8]] {
        var messages =
            replacesProposals(site) ? replaced(bytes, checkers.scans.scan(bytes), from: site, to: peer) : [bytes]
        for behaviour in site.behaviours {
            messages = messages.flatMap { altered($0, by: behaviour, from: site, to: peer, over: mine) }
        }
        return messages
    }

    private func altered(
        _ bytes: [UInt8], by behaviour: ByzantineBehaviour, from site: Site, to peer: Site, over mine: LinkEnd
    ) -> [[UInt8]] {
        var messages = [bytes]
        switch behaviour {
        case .silent: messages = []
        case .selectiveSender: messages = site.favoured[peer.member] ? [bytes] : []
        case .selectiveVoter:
            let favoured = (site.member + 1) % options.nodes
            if peer.member != favoured, isOwnVote(bytes, site) { messages = [] }
        case .withholdsProposals: if !checkers.scans.scan(bytes).proposals.isEmpty { messages = [] }
        case .withholdsPayloads:
            let scan = checkers.scans.scan(bytes)
            if !scan.payloads.isEmpty, scan.certificates.isEmpty { messages = [] }
        case .withholdsClosed:
            if checkers.scans.scan(bytes).closed.contains(where: { $0.signer == site.identity.member }) {
                messages = []
            }
        case .withholdsAvailability:
            if !checkers.scans.scan(bytes).availability.isEmpty {
                messages = []
                let due = now + 1_000 * byzantineRandom.draw(1...options.timing.roundDeadline)
                queue.push(.delayedMessage(site: site.index, life: site.life, mine, bytes), at: due)
            }
        case .overclaims: messages = [overclaim(bytes)]
        case .garbles: messages = [garbled(bytes)]
        case .replays:
            site.remember(bytes)
            if byzantineRandom.chance(30) { messages = [bytes, site.recall(&byzantineRandom)] }
        case .twins, .wrongRoots, .copies, .withholdsPieces, .corruptsPieces, .equivocatesProposals, .censors,
            .reproposesUnjustified, .listsUnavailable, .equivocatesVotes, .nullifiesAll, .falseReady,
            .falseAvailabilityVotes,
            .asksEarly, .servesEarly, .closesTwice, .namesLate, .equivocatesContributions, .staleContributions,
            .floodsContributions, .hugePayloads,
            .forgesAddresses, .floodsEvidence, .forgesCertificates, .malformsLengths, .replaysActions, .forgesActions,
            .floodsActions:
            return messages
        }
        if messages != [bytes] { counts.add(behaviour) }
        return messages
    }

    private func isOwnVote(_ bytes: [UInt8], _ site: Site) -> Bool {
        checkers.scans.scan(bytes).certificates.contains { votes in
            votes.signatures.signers == position(of: site).map { [$0] }
        }
    }

    private func garbled(_ bytes: [UInt8]) -> [UInt8] {
        guard byzantineRandom.chance(10), !bytes.isEmpty else { return bytes }
        var changed = bytes
        changed[byzantineRandom.draw(below: changed.count)] ^= 1 << UInt8(byzantineRandom.draw(below: 8))
        return byzantineRandom.chance(20) ? Array(changed.prefix(byzantineRandom.draw(below: changed.count))) : changed
    }

    /// A summary begins with its sender's height; this one says more.
    private func overclaim(_ bytes: [UInt8]) -> [UInt8] {
        guard let height = ForgedMessage.summarizedHeight(bytes) else { return bytes }
        return ForgedMessage.summary(bytes, at: height + byzantineRandom.draw(1...1_000_000))
    }

    /// What leaves in place of a piece; nil for nothing.
    func altered(_ piece: ProvenPiece, from site: Site, to peer: Int) -> ProvenPiece? {
        if site.does(.silent) || site.does(.withholdsPieces) || (site.does(.selectiveSender) && !site.favoured[peer]) {
            if site.does(.withholdsPieces) { counts.add(.withholdsPieces) }
            return nil
        }
        guard site.does(.corruptsPieces), byzantineRandom.chance(50) else { return piece }
        counts.add(.corruptsPieces)
        var bytes = piece.bytes
        bytes[byzantineRandom.draw(below: bytes.count)] ^= 1
        return ProvenPiece(bytes: bytes, proof: piece.proof)
    }

    /// What the member's machine says that an averaging gave.
    func altered(_ roots: StateRoots, from site: Site) -> StateRoots {
        guard site.does(.wrongRoots) else { return roots }
        counts.add(.wrongRoots)
        return StateRoots(
            parameters: Digest(DigestDomain("mesh/sim-wrong"), roots.parameters.bytes), outer: roots.outer)
    }

    /// The payload of somebody else that a copier hands over as its own.
    func copiedPayload(_ site: Site) -> Blob.Payload? {
        guard site.does(.copies) else { return nil }
        let complete = site.disk.blobs.keys.sorted().compactMap { digest in
            site.disk.blobs[digest].flatMap { $0.isComplete ? $0 : nil }
        }
        guard !complete.isEmpty else { return nil }
        counts.add(.copies)
        return Blob.Payload(pieces: byzantineRandom.pick(complete).pieces.compactMap { $0?.bytes })
    }
}
