import Crypto
import Ledger
import Link

extension Node {
    /// A certified payload of the next height, from a peer that is ahead.
    func received(_ payload: Payload, _ certificate: VoteCertificate, from link: LinkID) {
        guard payload.version.height == height.height, !isStopped, !synchronisation.isActive else { return }
        if let decided = height.decided, height.payloads[decided.vote.version] != nil { return }
        guard chain.isCertified(payload.version, by: certificate, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        if height.decided == nil {
            height.decided = certificate.trimmed(to: height.members)
            height.cameCertified = true
        }
        height.payloads[payload.version.versionDigest] = payload
        pacing.progressed = true
    }

    /// Makes the decided version the head, once this node holds all of it and has computed the same roots itself.
    func adoptIfPossible() {
        guard let certificate = height.decided, !height.isAdopting, !isStopped, !synchronisation.isActive else {
            return
        }
        guard let payload = height.payloads[certificate.vote.version] else {
            fetch([.payload(certificate.vote.version)])
            return
        }
        guard let embedded = embedded(payload) else { return }
        let version = payload.version
        guard isApplicable(embedded) else {
            raise(.inapplicableVersion(version.height))
            return
        }
        guard !raiseIfRefused(version) else { return }
        guard let roots = computedRoots(of: embedded) else { return }
        guard roots == version.roots else {
            emit(.rootMismatch(version.height, expected: version.roots, computed: roots))
            raise(.divergedFromCertifiedRoots(version.height))
            return
        }
        let records = version.manifest.compactMap { contributions[$0.contribution]?.signed }
        guard records.count == version.manifest.count else { return }
        height.isAdopting = true
        dropHeaderRequest()
        let certified = CertifiedVersion(embedded: embedded, certificate: certificate, contributions: records)
        persist([.adopt(certified)], then: [.adopted(certified)])
    }

    /// Whether the decided version continues this chain: nothing is written that a later start could not read again.
    /// Asked before anything else is waited for, because a contribution that can never be listed is never accepted.
    private func isApplicable(_ embedded: EmbeddedPayload) -> Bool {
        if let known = height.isApplicable { return known }
        let isListable = embedded.version.manifest.allSatisfy { entry in
            chain.base(entry.slot.base)?.height == entry.baseHeight && chain.listed[entry.slot] == nil
        }
        let isApplicable = isListable && (try? chain.advanced(by: embedded)) != nil
        height.isApplicable = isApplicable
        return isApplicable
    }

    /// Whether this node refuses a contribution that the decided version lists. Waiting would not help: what it refuses
    /// depends on the signed bytes alone.
    private func raiseIfRefused(_ version: Version) -> Bool {
        for entry in version.manifest {
            guard case .refused(let refusal)? = contributions[entry.contribution]?.status else { continue }
            raise(
                .refusedListedContribution(
                    version.height, entry.contribution, author: entry.slot.author, refusal: refusal))
            return true
        }
        return false
    }

    /// Whether the version that a quorum certified for this height names this object. If this node refuses such an
    /// object, the peer that sent it is not at fault.
    func isNamedByDecision(_ names: (Payload) -> Bool) -> Bool {
        guard let decided = height.decided, let payload = height.payloads[decided.vote.version] else { return false }
        return names(payload)
    }

    func adoptionIsDurable(_ certified: CertifiedVersion) {
        guard certified.height == height.height, let advanced = try? chain.advanced(by: certified.embedded) else {
            preconditionFailure("an adopted version continues the chain that it was judged against")
        }
        let replayed = height.cameCertified
        let before = chain
        let participants = contributions.authors(on: chain.headDigest)
            .union(certified.version.manifest.map(\.slot.author))
        // Asked before the oldest base leaves the chain, and with it what was listed on it.
        let listed = Set(chain.listed.values).union(certified.version.manifest.map(\.contribution))
        learn(from: certified)
        chain = advanced
        headVersion = certified
        height = ConsensusInstance(
            network: chain.network, height: chain.nextHeight, members: chain.members, began: now)
        averagings = AveragingTable()
        commitments.advance(
            to: chain, participants: participants, listing: Set(certified.version.manifest.map(\.contribution)))
        restartHeaderSync(from: chain)
        pruneContributions(listed: listed)
        observe(durable: certified)
        pruneStatements()
        emit(.adopted(certified, replayed: replayed))
        governanceAdvanced(from: before, carrying: certified.embedded.action)
        replayEarly()
        pacing.idleTicks = 0
        pacing.isAdoptionUntold = true
        pacing.nextTick = now
        pacing.progressed = true
    }

    /// Drops what can never be listed any more; this node's own goes back to its residual.
    func pruneContributions(listed: Set<ContributionDigest>) {
        for slot in contributions.slots.keys.sorted() where chain.base(slot.base) == nil {
            contributions.removeSlot(slot)
        }
        let kept = Set(contributions.slots.values.compactMap { $0.certificate?.digest })
        contributions.certificates = contributions.certificates.filter { kept.contains($0.key) }
        for digest in contributions.order {
            guard let candidate = contributions[digest], chain.base(candidate.contribution.base) == nil else {
                continue
            }
            releaseRequests(of: candidate)
            contributions.remove(digest)
            guard !listed.contains(digest), !candidate.isVoid else { continue }
            effects.append(.forget(digest))
            if candidate.contribution.author == identity.member { emit(.ownContributionLeftOut(digest)) }
        }
        links.forgetPiecesGiven { contributions[$0] != nil || commitments.isListed($0) }
    }
}
