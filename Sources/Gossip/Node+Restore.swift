import Crypto
import Ledger
import Link

extension Node {
    /// Takes up where the journal ends: own statements bind again, own votes count again, certificates stand.
    func restore(_ recovered: Recovered) {
        commitments.advance(
            to: chain, participants: Set(recovered.head?.version.manifest.map(\.slot.author) ?? []),
            listing: recovered.listed)
        for entry in recovered.journal { restore(entry, recovered.pieces) }
        // Only now: a verdict that comes later in the journal may free the place of an action before it.
        _ = governance.enforceBudgets(on: chain)
        dropUncertifiable()
        restoreObserved(recovered)
        for (digest, pieces) in recovered.pieces where contributions[digest] == nil {
            contributions.leftOnDisk[digest] = Bitmap(pieces)
        }
        for view in height.views.keys.sorted() where view >= height.view {
            guard let exit = height.views[view]?.exit else { continue }
            height.entry = exit
            height.view = view.next
        }
        if let voted = (height.own.nullified.union(height.own.notarized.keys)).max(), voted > height.view {
            preconditionFailure("a vote is durable only together with the certificate by which its view was entered")
        }
    }

    private func restore(_ entry: JournalEntry, _ pieces: [ContributionDigest: [Bool]]) {
        switch entry {
        case .ownContribution(let signed): restore(signed, pieces, isOwn: true)
        case .contribution(let signed): restore(signed, pieces)
        case .availabilityVote(let signed): restore(signed)
        case .availability(let certificate): restore(certificate)
        case .closed(let signed): restore(signed)
        case .ready(let signed):
            guard signed.body.height == height.height, let index = selfIndex else { return }
            height.own.ready = signed
            _ = height.keep(signed, at: index)
        case .proposal(let signed):
            guard signed.body.height == height.height else { return }
            height.own.proposed.insert(signed.body.view)
            height.views[signed.body.view, default: ViewState()].proposals.append(signed)
        case .payload(let embedded): restore(embedded)
        case .vote(let signed): restore(signed)
        case .certificate(let certificate): restore(certificate)
        case .adopt, .headerSynced, .stateSynced: break
        case .address(let signed):
            let isKnown =
                signed.body.member == identity.member
                || signed.isValid(in: chain.members, network: chain.network, verifier: verifier)
            if isKnown, addresses[signed.body.member].map({ $0.body.sequence < signed.body.sequence }) ?? true {
                addresses[signed.body.member] = signed
            }
        case .abstention(let abstention): restore(abstention)
        case .evidence(let found): restore(found)
        case .conflictingCertificate: break
        case .action(let held): restore(held)
        case .review(let held): restore(held)
        case .verdict(let held): restore(held)
        }
    }

    /// What others were seen to say, as far as it is on disk. Whatever it proves that is not held yet is held now.
    private func restoreObserved(_ recovered: Recovered) {
        if let head = recovered.head { observe(durable: head) }
        for entry in recovered.journal { observe(restored: entry) }
        restore(
            conflicting: recovered.journal.compactMap { entry in
                if case .conflictingCertificate(let certificate) = entry { certificate } else { nil }
            })
    }

    /// A contribution in the journal is complete, valid and synced, unless its blob was damaged since. It takes its
    /// slot in any case: a second own one would be equivocation.
    private func restore(
        _ signed: Signed<Contribution>, _ pieces: [ContributionDigest: [Bool]], isOwn: Bool = false
    ) {
        guard chain.base(signed.body.base) != nil else { return }
        let digest = signed.body.contributionDigest
        let nothing = Bitmap(count: signed.body.pieceCount)
        let onDisk = pieces[digest].map { Bitmap($0) } ?? nothing
        let held = onDisk.count == nothing.count ? onDisk : nothing
        var candidate = Candidate(signed: signed, pieces: held)
        candidate.status = held.isFull ? .valid : .fetching
        if isOwn { contributions.insertOwn(candidate) } else { contributions.insert(candidate) }
        contributions.updateSlot(signed.body.slot) { if $0.candidate == nil { $0.candidate = digest } }
    }

    /// What was acknowledged before a certificate named another contribution of the slot went when it came (`settle`).
    private func dropUncertifiable() {
        for digest in contributions.order {
            guard let slot = contributions[digest]?.contribution.slot, slot.author != identity.member,
                let certificate = contributions.slots[slot]?.certificate, certificate.vote.contribution != digest
            else { continue }
            contributions.remove(digest)
        }
    }

    /// Statements of others are there for what was named by them.
    private func restore(_ signed: Signed<Closed>) {
        if signed.signer == identity.member, signed.body.height == height.height { height.own.closed = signed }
        guard let base = chain.base(signed.body.parent), let index = base.members.index(of: signed.signer) else {
            return
        }
        _ = commitments.insert(signed, at: index, on: base, now: now)
    }

    private func restore(_ signed: Signed<AvailabilityVote>) {
        guard let base = chain.base(signed.body.slot.base), let index = base.members.index(of: signed.signer) else {
            return
        }
        contributions.updateSlot(signed.body.slot) { $0.ownAvailabilityVote = signed.body.contribution }
        count(signed.body, [(index, signed.signature)], base.members)
    }

    private func restore(_ certificate: AvailabilityCertificate) {
        guard chain.base(certificate.vote.slot.base) != nil else { return }
        contributions.certificates[certificate.digest] = certificate
        contributions.updateSlot(certificate.vote.slot) {
            guard $0.certificate == nil else { return }
            $0.certificate = certificate
            $0.candidate = certificate.vote.contribution
        }
    }

    private func restore(_ embedded: EmbeddedPayload) {
        guard embedded.payload.version.height == height.height else { return }
        height.payloads[embedded.payload.version.versionDigest] = embedded.payload
        for ready in embedded.ready { height.readyObjects[ready.objectDigest] = ready }
        for closing in embedded.closings {
            commitments.closings[closing.names.digest] = closing.names
            for closed in closing.statements { restore(closed) }
        }
        if let action = embedded.action { height.actions[action.objectDigest] = action }
        for certificate in embedded.availability { contributions.certificates[certificate.digest] = certificate }
    }

    private func restore(_ signed: Signed<Vote>) {
        let vote = signed.body
        guard vote.height == height.height, let index = selfIndex else { return }
        switch vote.kind {
        case .notarize: height.own.notarized[vote.view] = vote.version
        case .nullify: height.own.nullified.insert(vote.view)
        case .finalize: height.own.finalized[vote.view] = vote.version
        }
        count(vote, index, signed.signature)
    }

    private func restore(_ certificate: VoteCertificate) {
        guard certificate.vote.height == height.height else { return }
        accept(certificate, from: nil)
    }
}
