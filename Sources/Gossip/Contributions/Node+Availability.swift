import Crypto
import Ledger

extension Node {
    /// Availability votes of others, one or many. A quorum in one message is a certificate as it stands.
    func received(_ votes: AvailabilityCertificate, from link: LinkID) {
        let vote = votes.vote
        guard let base = chain.base(vote.slot.base), base.height == vote.baseHeight,
            base.members[vote.slot.author] != nil, votes.signatures.fits(base.members)
        else { return }
        let isWholeCertificate = votes.signatures.signatures.count >= base.members.quorum
        guard contributions.slots[vote.slot]?.certificate == nil || isLackingCertificate(votes) else { return }
        var valid: [(Int, Signature)] = []
        for (index, signature) in votes.signatures.byIndex {
            let signed = Signed(signer: base.members.members[index].id, body: vote, signature: signature)
            guard signed.isValid(in: base.members, network: chain.network, verifier: verifier) else {
                guard !isNamedByDecision({ $0.version.manifest.contains { $0.availability == votes.digest } }) else {
                    return raise(.inapplicableVersion(height.height))
                }
                cutOff(link, .invalidSignature)
                return
            }
            valid.append((index, signature))
        }
        if isWholeCertificate {
            accept(votes)
            // Its author shows it to everybody that it reaches.
            if isLargeMesh { return send(.availability(votes), to: .unreached(by: vote.slot.author, from: link)) }
        }
        let fresh = count(vote, valid, base.members)
        sendOnward(fresh, of: base.members, from: link) { signatures in
            .availability(
                AvailabilityCertificate(
                    vote: vote, signatures: QuorumSignatures(signatures, memberCount: base.members.count)))
        }
    }

    /// Adds availability votes to the tally, and makes a certificate of a quorum. Returns those that were new.
    @discardableResult
    func count(_ vote: AvailabilityVote, _ votes: [(Int, Signature)], _ members: MemberSet) -> [Int: Signature] {
        var fresh: [Int: Signature] = [:]
        let signatures = contributions.updateSlot(vote.slot) { state -> [Int: Signature]? in
            for (index, signature) in votes where state.voters.insert(index).inserted {
                state.votes[vote.contribution, default: [:]][index] = signature
                fresh[index] = signature
            }
            return state.certificate == nil ? state.votes[vote.contribution] : nil
        }
        if !fresh.isEmpty { pacing.progressed = true }
        guard let signatures, signatures.count >= members.quorum else { return fresh }
        let certificate = AvailabilityCertificate(
            vote: vote, signatures: QuorumSignatures(signatures, memberCount: members.count))
        accept(certificate)
        // In a smaller mesh all members have the votes.
        if isLargeMesh {
            let isOwn = vote.slot.author == identity.member
            send(.availability(certificate), to: isOwn ? .all() : .sample())
        }
        return fresh
    }

    /// A valid certificate: the slot's candidate is settled.
    private func accept(_ certificate: AvailabilityCertificate) {
        contributions.certificates[certificate.digest] = certificate
        let vote = certificate.vote
        guard contributions.slots[vote.slot]?.certificate == nil else { return }
        settle(vote.slot, on: vote.contribution)
        contributions.updateSlot(vote.slot) { $0.certificate = certificate }
        if let candidate = contributions[vote.contribution] {
            emit(.contributionAvailable(candidate.contribution))
            raiseIfAvailable(vote.contribution)
        }
        fetchCommitments()
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    /// Whether a payload of this height names exactly this certificate, which is not here yet.
    private func isLackingCertificate(_ votes: AvailabilityCertificate) -> Bool {
        let lacking = height.payloads.values.flatMap { payload in
            payload.version.manifest.map(\.availability).filter { contributions.certificates[$0] == nil }
        }
        return !lacking.isEmpty && lacking.contains(votes.digest)
    }

    /// Slots that this node could call ready now, ascending.
    var eligibleSlots: [Slot] {
        if let known = contributions.eligible, known.head == chain.headDigest { return known.slots }
        let slots = contributions.certifiedSlots.filter { slot in
            guard chain.isEligible(slot), let certificate = contributions.slots[slot]?.certificate else { return false }
            let commitment = Commitment(author: slot.author, contribution: certificate.vote.contribution)
            return chain.hasHolders(certificate) && commitments.isCommitted(commitment, on: slot.base)
        }
        contributions.eligible = (chain.headDigest, slots)
        return slots
    }
}
