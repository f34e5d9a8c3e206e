import Crypto
import Ledger
import Link

extension Node {
    /// Where this node stands.
    var summary: InventorySummary {
        var closed = Bitmap(count: height.members.count)
        for index in (headRound?.statements ?? [:]).keys { closed.insert(index) }
        var ready = Bitmap(count: height.members.count)
        for index in height.ready.keys { ready.insert(index) }
        return InventorySummary(
            height: chain.height, head: chain.headDigest, view: height.view, ready: ready, closed: closed,
            views: viewsToShow.map { summary(of: $0, height.views[$0] ?? ViewState()) }, candidates: candidateParts,
            actions: actionParts)
    }

    /// The own view and what is known beyond it first, then the last one that was notarized, for the votes that
    /// finalize it, then the lowest of those that nothing has ended yet.
    private var viewsToShow: [View] {
        let beyond = height.views.keys.filter { $0 > height.view }.sorted().prefix(InventorySummary.viewsMaximum / 2)
        let notarized = height.views.keys.filter { $0 < height.view && height.views[$0]?.notarization != nil }.max()
        let upper = [notarized, height.view].compactMap { $0 } + beyond
        return height.viewsWithoutExit.prefix(InventorySummary.viewsMaximum - upper.count) + upper
    }

    private func summary(of view: View, _ state: ViewState) -> InventorySummary.ViewPart {
        InventorySummary.ViewPart(
            view: view, proposals: state.proposals.map(\.body.version), notarize: parts(of: state.notarize),
            finalize: parts(of: state.finalize),
            nullify: signers(state.nullify.byVersion[VersionDigest(.zero)] ?? [:]),
            isNotarized: state.notarization != nil, isNullified: state.nullification != nil)
    }

    /// At most four: an equivocating leader makes two, and members that vote for others make none of them a quorum.
    private func parts(of tally: Tally) -> [InventorySummary.VotePart] {
        tally.versions.prefix(4).map {
            InventorySummary.VotePart(version: $0, signers: signers(tally.byVersion[$0] ?? [:]))
        }
    }

    private func signers(_ signatures: [Int: Signature]) -> Bitmap {
        var bitmap = Bitmap(count: height.members.count)
        for index in signatures.keys { bitmap.insert(index) }
        return bitmap
    }

    private var candidateParts: [InventorySummary.CandidatePart] {
        contributions.order.compactMap { digest -> InventorySummary.CandidatePart? in
            guard let candidate = contributions[digest], candidate.isAnnounced,
                let base = chain.base(candidate.contribution.base)
            else { return nil }
            let state = contributions.slots[candidate.contribution.slot]
            var votes = Bitmap(count: base.members.count)
            for index in (state?.votes[digest] ?? [:]).keys { votes.insert(index) }
            return InventorySummary.CandidatePart(
                contribution: digest, votes: votes,
                isAvailable: state?.certificate?.vote.contribution == digest,
                isCommitted: commitments.isCommitted(candidate.commitment, on: candidate.contribution.base),
                isComplete: candidate.status == .valid,
                reviewers: reviewers(of: candidate.contribution.slot))
        }
        .prefix(InventorySummary.candidatesMaximum(memberCount: chain.members.count)).map { $0 }
    }

    /// Speaks up to everybody: at once after progress, then ever more rarely up to eight times the interval.
    func tickIfDue() {
        guard pacing.nextTick <= now else { return }
        // In a large mesh only a node that adopted a version tells all peers, and an author whom votes may not have reached.
        send(.summary(summary), to: pacing.isAdoptionUntold || lacksOwnCertificate ? .all() : .sample())
        pacing.isAdoptionUntold = false
        askAgainAtTick()
        let isFullMesh = linkedMembers.count { chain.members[$0] != nil } == chain.members.count - 1
        if !isFullMesh || pacing.ticksSinceChange < 4 { announceLinks() }
        giveAddresses()
        pacing.ticksSinceChange = min(pacing.ticksSinceChange + 1, 4)
        retryAtTick()
        pacing.nextTick = now + timing.antiEntropyInterval << UInt64(min(pacing.idleTicks, 3))
        pacing.idleTicks += 1
    }

    private var lacksOwnCertificate: Bool {
        contributions.order.contains { digest in
            guard let candidate = contributions[digest], candidate.contribution.author == identity.member,
                candidate.isAnnounced, chain.isEligible(candidate.contribution.slot)
            else { return false }
            return contributions.slots[candidate.contribution.slot]?.certificate == nil
        }
    }

    private func retryAtTick() {
        averagings.forgetFailures()
        checks.forgive(now: now, every: timing.antiEntropyInterval)
        fetchCommitments()
        retryReplay()
        retryBlocks()
        takeWaitingAddresses()
        announceEvidenceInTurn()
        for digest in contributions.order {
            contributions.update(digest) { $0.isPaused = false }
            continueCandidate(digest)
        }
        let ahead = links.order.filter { links[$0].map { $0.claimedHeight > chain.height } ?? false }
        // Anybody may claim to be ahead, so another is asked with every tick.
        if let link = ahead.randomElement(using: &random), !synchronisation.isActive {
            send(.fetch([.version(height.height)]), to: link)
        }
        pacing.progressed = true
    }

    /// Gives a peer what its summary shows that it lacks. At most once per quarter of the anti-entropy interval.
    func received(_ summary: InventorySummary, from id: LinkID) {
        let wasAhead = links[id].map { $0.claimedHeight > chain.height } ?? false
        links.update(id) {
            $0.claimedHeight = max($0.claimedHeight, summary.height)
            $0.hasReported = true
        }
        pacing.progressed = true
        if summary.height > chain.height, !wasAhead, !synchronisation.isActive {
            send(.fetch([.version(height.height)]), to: id)
        }
        noteDepartureSeen()
        if let last = links[id]?.lastAnswer, now.since(last) < timing.antiEntropyInterval / 4 { return }
        links.update(id) { $0.lastAnswer = now }
        if summary.height < chain.height {
            effects.append(.sendVersion(id, summary.height.next))
        } else if summary.height == chain.height, summary.head == chain.headDigest {
            answer(summary, on: id)
        }
    }

    private func answer(_ summary: InventorySummary, on id: LinkID) {
        answerClosed(summary, on: id)
        answerContributions(summary, on: id)
        answerActions(summary, on: id)
        guard summary.ready.count == height.members.count else { return }
        for index in height.ready.keys.sorted() where !summary.ready[index] {
            send(.ready(height.ready[index]!), to: id)
        }
        if let decided = height.decided {
            send(.votes(decided), to: id)
            if let payload = height.payloads[decided.vote.version] { sendCertified(payload, decided, to: id) }
            return
        }
        if summary.view < height.view, let entry = height.entry { send(.votes(entry), to: id) }
        for view in height.views.keys.sorted() {
            let theirs = summary.views.first { $0.view == view }
            guard view >= summary.view || theirs != nil else { continue }
            if view >= summary.view { answerProposals(height.views[view]!, theirs, on: id) }
            answer(view, height.views[view]!, theirs, on: id)
        }
    }

    private func answerProposals(_ state: ViewState, _ theirs: InventorySummary.ViewPart?, on id: LinkID) {
        for proposal in state.proposals where !(theirs?.proposals.contains(proposal.body.version) ?? false) {
            send(.proposal(proposal), to: id)
            if let payload = height.payloads[proposal.body.version] { send(.payload(payload), to: id) }
        }
    }

    private func answer(_ view: View, _ state: ViewState, _ theirs: InventorySummary.ViewPart?, on id: LinkID) {
        if let notarization = state.notarization {
            if !(theirs?.isNotarized ?? false) { send(.votes(notarization), to: id) }
        } else {
            answerVotes(.notarize, view, state.notarize, theirs?.notarize ?? [], on: id)
        }
        if let nullification = state.nullification {
            if !(theirs?.isNullified ?? false) { send(.votes(nullification), to: id) }
        } else {
            let zero = VersionDigest(.zero)
            let held = theirs.map { [InventorySummary.VotePart(version: zero, signers: $0.nullify)] } ?? []
            answerVotes(.nullify, view, state.nullify, held, on: id)
        }
        answerVotes(.finalize, view, state.finalize, theirs?.finalize ?? [], on: id)
    }

    /// Exactly the signatures that the peer lacks.
    private func answerVotes(
        _ kind: VoteKind, _ view: View, _ tally: Tally, _ held: [InventorySummary.VotePart], on id: LinkID
    ) {
        for version in tally.versions {
            let theirs = held.first { $0.version == version }?.signers
            let lacking = (tally.byVersion[version] ?? [:]).filter { !(theirs?[$0.key] ?? false) }
            guard !lacking.isEmpty else { continue }
            let vote = Vote(kind: kind, height: height.height, view: view, version: version)
            send(
                .votes(
                    VoteCertificate(
                        network: chain.network, vote: vote,
                        signatures: QuorumSignatures(lacking, memberCount: height.members.count))), to: id)
        }
    }

    /// `closed` statements that the peer lacks: of the round on the head all, of earlier rounds those by which
    /// something is committed.
    private func answerClosed(_ summary: InventorySummary, on id: LinkID) {
        var given: Set<Digest> = []
        func give(_ closed: Signed<Closed>) {
            if given.insert(closed.objectDigest).inserted { send(.closed(closed), to: id) }
        }
        if let round = headRound, summary.closed.count == round.members.count {
            for index in round.statements.keys.sorted() where !summary.closed[index] { give(round.statements[index]!) }
        }
        for base in chain.bases.dropLast() {
            guard let round = commitments[base.digest] else { continue }
            for commitment in round.committed {
                guard chain.listed[Slot(author: commitment.author, base: base.digest)] == nil else { continue }
                let theirs = summary.candidates.first { $0.contribution == commitment.contribution }
                guard !(theirs?.isCommitted ?? false) else { continue }
                for closed in round.proof(of: [commitment]) ?? [] { give(closed) }
            }
        }
    }

    private func answerContributions(_ summary: InventorySummary, on id: LinkID) {
        for digest in contributions.order {
            guard let candidate = contributions[digest], candidate.isAnnounced,
                let base = chain.base(candidate.contribution.base)
            else { continue }
            let theirs = summary.candidates.first { $0.contribution == digest }
            if let theirs {
                if theirs.isComplete {
                    if candidate.providers[id]?.isFull != true {
                        contributions.update(digest) { $0.providers[id] = Bitmap(full: $0.pieces.count) }
                    }
                } else if candidate.pieces.setCount > 0, isShown(candidate) {
                    send(.have(digest, pieces: candidate.pieces), to: id)
                }
            } else {
                guard chain.isEligible(candidate.contribution.slot) || height.decided != nil else { continue }
                send(.contribution(candidate.signed), to: id)
                if candidate.pieces.setCount > 0, isShown(candidate) {
                    send(.have(digest, pieces: candidate.pieces), to: id)
                }
            }
            answerReviews(of: candidate.contribution.slot, theirs, on: id)
            guard !(theirs?.isAvailable ?? false) else { continue }
            let state = contributions.slots[candidate.contribution.slot]
            if let certificate = state?.certificate, certificate.vote.contribution == digest {
                send(.availability(certificate), to: id)
            } else {
                let lacking = (state?.votes[digest] ?? [:]).filter { !(theirs?.votes[$0.key] ?? false) }
                guard !lacking.isEmpty else { continue }
                send(
                    .availability(
                        AvailabilityCertificate(
                            vote: AvailabilityVote(candidate.contribution),
                            signatures: QuorumSignatures(lacking, memberCount: base.members.count))), to: id)
            }
        }
    }
}
