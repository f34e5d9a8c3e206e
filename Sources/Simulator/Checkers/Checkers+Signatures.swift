import Crypto
import Gossip
import Ledger

extension Checkers {
    /// Enters an honest member's signature into the index.
    func enter(_ claim: Claim) {
        let place = SignedPlace(signer: claim.signer, place: claim.place)
        if let other = signed[place] {
            if other != claim.content { report(.equivocation, "\(claim) and \(other.short)") }
            return
        }
        signed[place] = claim.content
        if let excluded = claim.excluded, signed[SignedPlace(signer: claim.signer, place: excluded)] != nil {
            report(.equivocation, "\(claim) and \(excluded.name)")
        }
    }

    /// A valid signature of an honest member stood in something that was sent, by whomever.
    func saw(_ claim: Claim) {
        let isNew = signed[SignedPlace(signer: claim.signer, place: claim.place)] != claim.content
        enter(claim)
        guard let member = index(claim.signer) else { return }
        guard grounds[member].claims.contains(claim) else {
            if isNew { report(.unsyncedSignature, "\(claim)") }
            return
        }
    }

    /// What each kind of statement rests on must be durable beside it; asked the moment that the statement is.
    func checkGround(of entry: JournalEntry, by member: Int) {
        let ground = grounds[member]
        func keeps(_ contribution: ContributionDigest) -> Bool {
            holds(member, contribution) || hasForgotten(member, contribution)
        }
        func require(_ condition: Bool, _ what: @autoclosure () -> String) {
            if !condition { report(.unsyncedGround, "member \(member): \(what())") }
        }
        switch entry {
        case .availabilityVote(let signed):
            let contribution = signed.body.contribution
            require(
                ground.contributions.contains(contribution) && keeps(contribution),
                "acked \(contribution.short) without holding it")
        case .ready(let signed):
            for slot in signed.body.slots {
                require(ground.available.contains(slot), "ready names \(slot.author.short) without its certificate")
                require(isCommitted(slot, by: ground), "ready names \(slot.author.short) without what commits it")
            }
        case .proposal(let signed):
            require(ground.payloads.contains(signed.body.version), "proposed \(signed.body.version.short) unsynced")
        case .vote(let signed):
            let vote = signed.body
            require(ground.entered(vote.height, vote.view), "voted in \(vote.height)/\(vote.view) without its entry")
            if vote.kind == .finalize {
                let notarized = Vote(
                    kind: .notarize, height: vote.height, view: vote.view, version: vote.version)
                require(
                    ground.certificates.contains(notarized),
                    "finalized \(vote.height)/\(vote.view) without its notarization")
            }
        case .ownContribution(let signed):
            require(
                keeps(signed.body.contributionDigest), "its own contribution is not complete and synced")
        case .closed, .contribution, .availability, .payload, .certificate, .adopt, .address, .evidence,
            .conflictingCertificate, .headerSynced, .stateSynced, .abstention, .action, .review, .verdict:
            break
        }
    }

    /// Whether distinct members, more than two thirds of the set, validly signed exactly this.
    func isQuorumOfValid(_ signatures: QuorumSignatures, over vote: AvailabilityVote) -> Bool {
        isQuorumOfValid(signatures, over: vote, in: .availabilityVote(vote.slot)) { Claim(signer: $0, vote) }
    }

    func isQuorumOfValid(_ signatures: QuorumSignatures, over vote: Vote) -> Bool {
        isQuorumOfValid(signatures, over: vote, in: .nullify(vote.height, vote.view)) { Claim(signer: $0, vote) }
    }

    private func isQuorumOfValid(
        _ quorum: QuorumSignatures, over statement: some Statement, in place: Claim.Place, claim: (MemberID) -> Claim
    ) -> Bool {
        let named = positions(quorum.bitmap)
        let roster = roster(of: place)
        guard named.count == quorum.signatures.count, roster.isQuorum(named.count) else { return false }
        for (position, signature) in zip(named, quorum.signatures) {
            guard position < roster.count else { return false }
            let isSigned = isValid(claim(roster.members[position].id), signature) {
                statement.isSigned(signature, by: $0, network: $1)
            }
            guard isSigned else { return false }
        }
        return true
    }

    /// The positions of the one bits, lowest bit of the first byte first.
    func positions(_ bitmap: [UInt8]) -> [Int] {
        var positions: [Int] = []
        for (byteIndex, byte) in bitmap.enumerated() {
            for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 { positions.append(8 * byteIndex + bit) }
        }
        return positions
    }

    /// Availability votes of one contribution on a wire, a quorum or not: every valid one of an honest member counts.
    func saw(_ votes: AvailabilityCertificate) {
        saw(votes.signatures, over: votes.vote, in: .availabilityVote(votes.vote.slot)) {
            Claim(signer: $0, votes.vote)
        }
        if isQuorumOfValid(votes.signatures, over: votes.vote) { enter(votes.vote) }
    }

    /// Enters what a quorum says that it holds: at most one contribution a slot.
    func enter(_ vote: AvailabilityVote) {
        if let other = available[vote.slot], other != vote.contribution {
            report(
                .conflictingAvailability,
                "\(Claim.Place.availabilityVote(vote.slot).name): \(vote.contribution.short) and \(other.short)")
        }
        available[vote.slot] = vote.contribution
    }

    /// Votes on a wire, a quorum or not.
    func saw(_ votes: VoteCertificate) {
        saw(votes.signatures, over: votes.vote, in: .nullify(votes.vote.height, votes.vote.view)) {
            Claim(signer: $0, votes.vote)
        }
        if votes.network == network, isQuorumOfValid(votes.signatures, over: votes.vote) { enter(votes.vote) }
    }

    private func saw(
        _ quorum: QuorumSignatures, over statement: some Statement, in place: Claim.Place, claim: (MemberID) -> Claim
    ) {
        let roster = roster(of: place)
        for (position, signature) in zip(positions(quorum.bitmap), quorum.signatures) {
            guard position < roster.count, isHonest(roster.members[position].id) else { continue }
            let claim = claim(roster.members[position].id)
            if isValid(claim, signature, { statement.isSigned(signature, by: $0, network: $1) }) { saw(claim) }
        }
    }

    /// A certificate that an honest member relies on.
    func kept(_ certificate: VoteCertificate, by member: Int) {
        let vote = certificate.vote
        guard certificate.network == network, isQuorumOfValid(certificate.signatures, over: vote) else {
            return report(
                .invalidCertificate,
                "member \(member) keeps \(vote.kind.rawValue) \(vote.height)/\(vote.view) without a quorum")
        }
        enter(vote)
    }

    /// Enters a quorum's vote into the index of certificates.
    private func enter(_ vote: Vote) {
        let (height, view) = (vote.height.value, vote.view.value)
        let place = QuorumPlace(kind: vote.kind, height: height, view: view)
        if let other = quorums[place], other != vote.version.digest {
            report(.conflictingCertificates, "two \(vote.kind.rawValue) in \(height)/\(view)")
        }
        quorums[place] = vote.version.digest
        let isFinalized = quorums[QuorumPlace(kind: .finalize, height: height, view: view)] != nil
        if isFinalized, quorums[QuorumPlace(kind: .nullify, height: height, view: view)] != nil {
            report(.conflictingCertificates, "finalized and nullified in \(height)/\(view)")
        }
        guard vote.kind == .finalize else { return }
        if let other = finalized[height], other != vote.version {
            report(.conflictingCertificates, "\(vote.version.short) and \(other.short) at \(height)")
        }
        finalized[height] = vote.version
    }
}
