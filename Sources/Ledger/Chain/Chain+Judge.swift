import Crypto

extension Chain {
    /// Judges a fresh payload for the next height, all but its parameters root: that one is recomputed from tensors.
    ///
    /// A pure function of the chain and of what the payload embeds, so all honest members judge alike.
    ///
    /// - Parameters:
    ///   - ready: the records that `payload.support` names, in its order.
    ///   - availability: the certificates that the manifest names, in its order.
    ///   - verifier: checks every embedded signature that it has not seen before.
    public func judge(
        _ payload: Payload, ready: [Signed<Ready>], availability: [AvailabilityCertificate], verifier: Verifier
    ) throws(PayloadFault) {
        let version = payload.version
        try checkContinues(version)
        guard version.support == payload.support.digest else { throw .wrongSupport }
        guard version.roots.outer == head.roots.outer else { throw .wrongOuterRoot }
        try checkReady(payload.support, ready, verifier)
        let slots = version.manifest.map(\.slot)
        let expected = slotsToList(by: ready.map(\.body))
        guard slots == expected else { throw .inclusion(expected: expected, listed: slots) }
        precondition(availability.count == version.manifest.count)
        for (entry, certificate) in zip(version.manifest, availability) {
            try checkEntry(entry, certificate, verifier)
        }
    }

    private func checkReady(_ support: Support, _ ready: [Signed<Ready>], _ verifier: Verifier) throws(PayloadFault) {
        guard ready.count == members.quorum else { throw .tooFewReady(count: ready.count, quorum: members.quorum) }
        var signers: Set<MemberID> = []
        for (digest, record) in zip(support.ready, ready) {
            guard record.objectDigest == digest, record.body.height == nextHeight, record.body.parent == headDigest,
                record.isValid(in: members, network: network, verifier: verifier)
            else { throw .foreignReady(digest) }
            guard signers.insert(record.signer).inserted else { throw .repeatedReadySigner(record.signer) }
        }
    }

    private func checkEntry(
        _ entry: ManifestEntry, _ certificate: AvailabilityCertificate, _ verifier: Verifier
    ) throws(PayloadFault) {
        guard certificate.digest == entry.availability, certificate.stored.slot == entry.slot,
            certificate.stored.contribution == entry.contribution, certificate.stored.baseHeight == entry.baseHeight,
            let base = base(entry.slot.base), base.height == entry.baseHeight
        else { throw .foreignCertificate(entry.slot) }
        guard certificate.isValid(members: base.members, network: network, verifier: verifier) else {
            throw .invalidCertificate(entry.slot)
        }
        guard hasHolders(certificate) else { throw .tooFewHolders(entry.slot) }
        guard entry.weightQ30 == weightQ30(baseHeight: entry.baseHeight) else { throw .wrongWeight(entry.slot) }
    }

    /// Whether `certificate` certifies `version` as the next one of this chain.
    public func isCertified(_ version: Version, by certificate: VoteCertificate, verifier: Verifier) -> Bool {
        certificate.vote.kind == .finalize && certificate.vote.height == nextHeight
            && certificate.vote.height == version.height && certificate.vote.version == version.versionDigest
            && certificate.isValid(members: members, network: network, verifier: verifier)
    }
}
