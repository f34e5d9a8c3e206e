import Crypto
import Ledger

extension Node {
    /// Acks of others, one or many. A quorum in one message is a certificate as it stands.
    func received(_ acks: AvailabilityCertificate, from link: LinkID) {
        let stored = acks.stored
        guard let base = chain.base(stored.slot.base), base.height == stored.baseHeight,
            base.members[stored.slot.author] != nil, acks.signatures.fits(base.members)
        else { return }
        let isWholeCertificate = acks.signatures.signatures.count >= base.members.quorum
        guard contributions.slots[stored.slot]?.certificate == nil || isLackingCertificate(acks) else { return }
        var valid: [(Int, Signature)] = []
        for (index, signature) in acks.signatures.byIndex {
            let signed = Signed(signer: base.members.members[index].id, body: stored, signature: signature)
            guard signed.isValid(in: base.members, network: chain.network, verifier: verifier) else {
                guard !isNamedByDecision({ $0.version.manifest.contains { $0.availability == acks.digest } }) else {
                    return raise(.inapplicableVersion(height.height))
                }
                cutOff(link, .invalidSignature)
                return
            }
            valid.append((index, signature))
        }
        if isWholeCertificate {
            accept(acks)
            // Its author shows it to everybody that it reaches.
            if isLargeMesh { return relay(.acks(acks), of: stored.slot.author, from: link) }
        }
        let fresh = count(stored, valid, base.members)
        relay(fresh, in: base.members, from: link) { signatures in
            .acks(
                AvailabilityCertificate(
                    stored: stored, signatures: QuorumSignatures(signatures, memberCount: base.members.count)))
        }
    }

    /// Adds acks to the tally, and makes a certificate of a quorum. Returns those that were new.
    @discardableResult
    func count(_ stored: Stored, _ acks: [(Int, Signature)], _ members: MemberSet) -> [Int: Signature] {
        var fresh: [Int: Signature] = [:]
        let signatures = contributions.updateSlot(stored.slot) { state -> [Int: Signature]? in
            for (index, signature) in acks where state.ackers.insert(index).inserted {
                state.acks[stored.contribution, default: [:]][index] = signature
                fresh[index] = signature
            }
            return state.certificate == nil ? state.acks[stored.contribution] : nil
        }
        if !fresh.isEmpty { pacing.progressed = true }
        guard let signatures, signatures.count >= members.quorum else { return fresh }
        let certificate = AvailabilityCertificate(
            stored: stored, signatures: QuorumSignatures(signatures, memberCount: members.count))
        accept(certificate)
        showCertificate(certificate)
        return fresh
    }

    /// A valid certificate: the slot's candidate is settled.
    private func accept(_ certificate: AvailabilityCertificate) {
        contributions.certificates[certificate.digest] = certificate
        let stored = certificate.stored
        guard contributions.slots[stored.slot]?.certificate == nil else { return }
        settle(stored.slot, on: stored.contribution)
        contributions.updateSlot(stored.slot) { $0.certificate = certificate }
        if let candidate = contributions[stored.contribution] {
            emit(.contributionAvailable(candidate.contribution))
            raiseIfAvailable(stored.contribution)
        }
        fetchCommitments()
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    /// Whether a payload of this height names exactly this certificate, which is not here yet.
    private func isLackingCertificate(_ acks: AvailabilityCertificate) -> Bool {
        let lacking = height.payloads.values.flatMap { payload in
            payload.version.manifest.map(\.availability).filter { contributions.certificates[$0] == nil }
        }
        return !lacking.isEmpty && lacking.contains(acks.digest)
    }

    /// Slots that this node could call ready now, ascending.
    var eligibleSlots: [Slot] {
        if let known = contributions.eligible, known.head == chain.headDigest { return known.slots }
        let slots = contributions.certifiedSlots.filter { slot in
            guard chain.isEligible(slot), let certificate = contributions.slots[slot]?.certificate else { return false }
            let commitment = Commitment(author: slot.author, contribution: certificate.stored.contribution)
            return chain.hasHolders(certificate) && commitments.isCommitted(commitment, on: slot.base)
        }
        contributions.eligible = (chain.headDigest, slots)
        return slots
    }
}
