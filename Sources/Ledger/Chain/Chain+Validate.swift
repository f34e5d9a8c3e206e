import Crypto

extension Chain {
    /// Judges a fresh payload for the next height, all but what needs its contributions: their weights (`checkWeights`)
    /// and the roots, which are recomputed from tensors.
    ///
    /// A pure function of the chain and of what the payload embeds, so all honest members judge alike.
    ///
    /// - Parameters:
    ///   - embedded: ready records, closings and availability certificates as the payload names them, in its order.
    ///   - verifier: checks every embedded signature that it has not seen before.
    public func validate(_ embedded: EmbeddedPayload, verifier: Verifier) throws(PayloadFault) {
        let version = embedded.version
        let support = embedded.payload.support
        try checkShape(embedded.payload)
        guard support.action == embedded.action?.objectDigest else { throw .wrongSupport }
        // Under a shared optimizer it follows from the contributions, like the parameters.
        let hasState = version.roots.outer != .zero
        guard hasState == rules.innerOptimizer.isShared else { throw .wrongOuterRoot }
        try checkReady(support, embedded.ready, verifier)
        let ready = embedded.ready.map(\.body)
        if let roots = rootsToSwitch(by: ready) {
            _ = try outcome(of: embedded.action, in: version, isSwitch: true)
            guard version.manifest.isEmpty else { throw .listsAtSwitch }
            guard version.roots == roots else { throw .wrongRoots }
        } else {
            try checkAction(embedded, verifier)
            try checkManifest(embedded, ready, verifier)
        }
        try checkClosings(embedded, verifier: verifier)
    }

    private func checkAction(_ embedded: EmbeddedPayload, _ verifier: Verifier) throws(PayloadFault) {
        let expected = actionToCarry(by: embedded.ready.map(\.body))
        guard embedded.version.action == expected else {
            throw .wrongAction(expected: expected, carried: embedded.version.action)
        }
        _ = try outcome(of: embedded.action, in: embedded.version, isSwitch: false)
        do throws(ActionFault) {
            if let complete = embedded.action { try check(complete, verifier: verifier) }
        } catch {
            throw .action(error)
        }
    }

    private func checkManifest(
        _ embedded: EmbeddedPayload, _ ready: [Ready], _ verifier: Verifier
    ) throws(PayloadFault) {
        let version = embedded.version
        let slots = version.manifest.map(\.slot)
        let expected = slotsToList(by: ready)
        guard slots == expected else { throw .inclusion(expected: expected, listed: slots) }
        precondition(embedded.availability.count == version.manifest.count)
        let reviews = reviews(with: ready)
        for (entry, certificate) in zip(version.manifest, embedded.availability) {
            try checkEntry(entry, certificate, verifier)
            guard !isBlockedByReview(entry.contribution, in: entry.slot, by: reviews[entry.slot] ?? SlotReviews())
            else {
                throw .blockedByReview(entry.slot)
            }
        }
        if version.manifest.isEmpty, version.roots != head.roots { throw .wrongRoots }
    }

    private func checkReady(_ support: Support, _ ready: [Signed<Ready>], _ verifier: Verifier) throws(PayloadFault) {
        guard ready.count == members.quorum else { throw .tooFewReady(count: ready.count, quorum: members.quorum) }
        var signers: Set<MemberID> = []
        for (digest, record) in zip(support.ready, ready) {
            guard record.objectDigest == digest, isValid(record, verifier: verifier) else {
                throw .foreignReady(digest)
            }
            guard signers.insert(record.signer).inserted else { throw .repeatedReadySigner(record.signer) }
        }
    }

    /// Whether a payload for the next height may embed the record: a member's, about this head, with slots that exist
    /// and valid reviews. Versions keep it for ever, so what it can name is bounded by members and bases.
    public func isValid(_ ready: Signed<Ready>, verifier: Verifier) -> Bool {
        ready.body.height == nextHeight && ready.body.parent == headDigest && ready.body.slots.allSatisfy(hasSlot)
            && ready.isValid(in: members, network: network, verifier: verifier)
            && ready.body.reviews.allSatisfy { isValid($0, verifier: verifier) }
    }

    private func checkEntry(
        _ entry: ManifestEntry, _ certificate: AvailabilityCertificate, _ verifier: Verifier
    ) throws(PayloadFault) {
        guard certificate.digest == entry.availability, certificate.vote.slot == entry.slot,
            certificate.vote.contribution == entry.contribution, certificate.vote.baseHeight == entry.baseHeight,
            let base = base(entry.slot.base), base.height == entry.baseHeight
        else { throw .foreignCertificate(entry.slot) }
        guard certificate.isValid(members: base.members, network: network, verifier: verifier) else {
            throw .invalidCertificate(entry.slot)
        }
        guard hasHolders(certificate) else { throw .tooFewHolders(entry.slot) }
    }

    /// Whether each entry has the weight that the rules give it.
    ///
    /// - Parameter contributions: the records of the manifest's entries, in its order.
    public func checkWeights(_ manifest: [ManifestEntry], _ contributions: [Contribution]) throws(PayloadFault) {
        for (entry, weight) in zip(manifest, weightsQ30(of: contributions)) where entry.weightQ30 != weight {
            throw .wrongWeight(entry.slot)
        }
    }

    /// Whether `certificate` certifies `version` as the next one of this chain.
    public func isCertified(_ version: Version, by certificate: VoteCertificate, verifier: Verifier) -> Bool {
        certificate.vote.kind == .finalize && certificate.vote.height == nextHeight
            && certificate.vote.height == version.height && certificate.vote.version == version.versionDigest
            && certificate.isValid(members: members, network: network, verifier: verifier)
    }
}
