import Crypto
import Ledger

extension Node {
    /// The trainer's contribution: bound to its slot, durable with its residual, then announced.
    func contribute(_ contribution: Contribution) {
        if defersWhileAbstaining(contribution) { return }
        let slot = contribution.slot
        guard contribution.author == identity.member, chain.isWithinRules(contribution), chain.isEligible(slot),
            let key = chain.base(slot.base).flatMap({ identity.key(in: $0.members) }),
            contributions.slots[slot]?.candidate == nil, contributions.slots[slot]?.ownAvailabilityVote == nil,
            !isStopped
        else {
            emit(
                .contributionRefused(
                    contribution.contributionDigest, author: contribution.author, refusal: refusal(of: contribution)))
            return
        }
        let signed = sign(contribution, by: key)
        var candidate = Candidate(signed: signed, pieces: Bitmap(full: contribution.pieceCount))
        candidate.status = .valid
        candidate.isAnnounced = false
        contributions.updateSlot(slot) { $0.candidate = candidate.digest }
        contributions.insertOwn(candidate)
        persist([.ownContribution(signed)], then: [.ownContribution(signed)])
    }

    private func refusal(of contribution: Contribution) -> String {
        let slot = contribution.slot
        guard chain.base(slot.base) != nil else { return "wrong-base" }
        if contributions.slots[slot]?.candidate != nil || chain.listed[slot] != nil { return "duplicate" }
        if chain.members[contribution.author] == nil { return "not-a-member" }
        return chain.breach(of: contribution)?.refusal ?? "outside-the-rules"
    }

    /// The commitment is announced; its pieces are shown once it is committed. One that comes too late only says that
    /// this site is at work: its values go back into the residual.
    func ownContributionIsDurable(_ signed: Signed<Contribution>) {
        emit(.contributionReceived(signed.body))
        guard let candidate = contributions[signed.body.contributionDigest] else { return }
        send(.contribution(signed), to: .all())
        if isTooLate(signed.body) {
            commitments.noteLate(identity.member)
            return giveUp(candidate)
        }
        contributions.update(candidate.digest) { $0.isAnnounced = true }
        pacing.progressed = true
    }

    /// Another member's announcement, from whichever link.
    func received(_ signed: Signed<Contribution>, from link: LinkID) {
        let contribution = signed.body
        guard chain.base(contribution.base) != nil else { return }
        let digest = contribution.contributionDigest
        if contributions[digest] != nil {
            noteHolders(digest, from: link)
            return
        }
        if let breach = chain.breach(of: contribution) {
            if isNamedByDecision({ $0.version.manifest.contains { $0.contribution == digest } }) {
                raise(
                    .refusedListedContribution(
                        height.height, digest, author: contribution.author, refusal: breach.refusal))
            } else if breach.isProvable {
                cutOff(link, .recordOutsideRules)
            }
            return
        }
        guard mayAccept(contribution, digest) else { return noteLate(signed, from: link) }
        guard chain.isSignedByAuthor(signed, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        contributions.take(signed)
        let slot = contribution.slot
        let isWanted = isWanted(contribution, digest)
        if isWanted {
            settle(slot, on: digest)
        } else {
            contributions.updateSlot(slot) { if $0.candidate == nil { $0.candidate = digest } }
        }
        emit(.contributionReceived(contribution))
        send(.contribution(signed), to: .unreached(by: contribution.author, from: link))
        noteHolders(digest, from: link)
        continueCandidate(digest)
        pacing.progressed = true
    }

    /// A contribution that came too late shows that its author is at work: the next round expects it.
    private func noteLate(_ signed: Signed<Contribution>, from link: LinkID) {
        let contribution = signed.body
        guard contribution.base != chain.headDigest, chain.base(contribution.base) != nil,
            !commitments.isLate(contribution.author)
        else { return }
        guard chain.isSignedByAuthor(signed, verifier: verifier) else { return cutOff(link, .invalidSignature) }
        commitments.noteLate(contribution.author)
    }

    /// One candidate a slot of the head, unless another is committed; of older bases what is committed alone; nothing
    /// for a slot that is listed.
    private func mayAccept(_ contribution: Contribution, _ digest: ContributionDigest) -> Bool {
        guard chain.listed[contribution.slot] == nil else { return false }
        if isWanted(contribution, digest) { return true }
        return contribution.base == chain.headDigest && contributions.slots[contribution.slot]?.candidate == nil
            && chain.isEligible(contribution.slot)
    }

    /// Whether it is committed, or the decided version names it. A payload that is only proposed does not count: its
    /// leader could make others fetch whatever it names.
    private func isWanted(_ contribution: Contribution, _ digest: ContributionDigest) -> Bool {
        isCommitted(contribution, digest) || isDecided(digest)
    }

    func isDecided(_ digest: ContributionDigest) -> Bool {
        isNamedByDecision { $0.version.manifest.contains { $0.contribution == digest } }
    }

    /// The contribution of a slot is committed, or a certificate or the decided version names it. Another one that was
    /// announced for the slot is never certified: it goes, so that an author takes room for one payload per slot.
    func settle(_ slot: Slot, on digest: ContributionDigest) {
        let before = contributions.updateSlot(slot) { state -> ContributionDigest? in
            defer { state.candidate = digest }
            return state.candidate
        }
        guard let before, before != digest, slot.author != identity.member, let candidate = contributions[before] else {
            return
        }
        releaseRequests(of: candidate)
        contributions.remove(before)
        effects.append(.forget(before))
    }

    /// The author holds every piece of what it announced, and so does a peer that has adopted a version beyond it.
    private func noteHolders(_ digest: ContributionDigest, from sender: LinkID) {
        guard let candidate = contributions[digest], candidate.status == .fetching else { return }
        var holders: [LinkID] = []
        if let author = links.link(to: candidate.contribution.author) { holders.append(author) }
        if let claimed = links[sender]?.claimedHeight, claimed > chain.height { holders.append(sender) }
        for link in holders {
            contributions.update(digest) { $0.providers[link] = Bitmap(full: $0.pieces.count) }
        }
    }

    /// Takes up a candidate where a restart left it.
    func continueCandidate(_ digest: ContributionDigest) {
        guard let candidate = contributions[digest] else { return }
        if candidate.status == .fetching, candidate.isComplete {
            contributions.update(digest) { $0.status = .validating }
            effects.append(.validate(candidate.contribution))
        } else if candidate.status == .valid {
            acknowledge(candidate.signed)
        }
    }

    func validated(_ digest: ContributionDigest, _ outcome: ValidationOutcome) {
        guard let candidate = contributions[digest], candidate.status == .validating else { return }
        switch outcome {
        case .valid:
            contributions.update(digest) { $0.status = .valid }
            emit(.contributionHeld(candidate.contribution))
            send(.have(digest, pieces: candidate.pieces), to: .sample())
            acknowledge(candidate.signed)
        case .refused(let refusal):
            contributions.update(digest) { $0.status = .refused(refusal) }
            emit(.contributionRefused(digest, author: candidate.contribution.author, refusal: refusal))
            raiseIfAvailable(digest)
        case .failed:
            // Taken up again at the next tick.
            contributions.update(digest) { $0.status = .fetching }
        }
        pacing.progressed = true
    }

    /// A quorum acknowledged what this node refuses. What is valid depends on the signed bytes alone, so one of them is
    /// wrong: this node can vote for no version that lists it.
    func raiseIfAvailable(_ digest: ContributionDigest) {
        guard let candidate = contributions[digest], case .refused(let refusal) = candidate.status,
            contributions.slots[candidate.contribution.slot]?.certificate?.vote.contribution == digest
        else { return }
        raise(.refusedAvailableContribution(digest, author: candidate.contribution.author, refusal: refusal))
    }

    /// Signs that this node holds the contribution, which is committed: once a slot, and only after it is durable.
    func acknowledge(_ signed: Signed<Contribution>) {
        let contribution = signed.body
        let slot = contribution.slot
        // A member that was removed signs nothing more, and a key none for sets that do not know it.
        guard let base = chain.base(contribution.base), let key = identity.key(in: base.members),
            maySign(at: base.height.next), chain.members[identity.member] != nil,
            contributions.slots[slot]?.ownAvailabilityVote == nil,
            isCommitted(contribution, contribution.contributionDigest)
        else { return }
        let vote = sign(AvailabilityVote(contribution), by: key)
        contributions.updateSlot(slot) { $0.ownAvailabilityVote = contribution.contributionDigest }
        persist([.contribution(signed), .availabilityVote(vote)], then: [.ownAvailabilityVote(vote)])
    }

    func ownAvailabilityVoteIsDurable(_ signed: Signed<AvailabilityVote>) {
        guard let base = chain.base(signed.body.slot.base), let index = base.members.index(of: signed.signer) else {
            return
        }
        count(signed.body, [(index, signed.signature)], base.members)
        send(
            .availability(
                AvailabilityCertificate(
                    vote: signed.body,
                    signatures: QuorumSignatures([index: signed.signature], memberCount: base.members.count))),
            to: .author(signed.body.slot.author))
    }
}
