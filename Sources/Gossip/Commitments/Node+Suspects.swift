import Ledger
import Link

/// How long the close of a round waits because of suspects, and who becomes one.
extension Node {
    // MARK: - Closing

    private func suspects(among present: Set<MemberID>) -> [MemberID] {
        present.filter { commitments.suspects.contains($0, at: height.height) }.sorted()
    }

    /// Whether enough contributions are to be expected if suspects' commitments bring none. Of more suspects than may be
    /// faulty some only have a slow line: those beyond are counted.
    ///
    /// - Parameters:
    ///   - present: authors that have committed.
    ///   - available: authors of which a contribution of an earlier round may be listed.
    func sufficeWithoutSuspects(_ present: Set<MemberID>, _ available: Set<MemberID>) -> Bool {
        let doubted = suspects(among: present).count { !available.contains($0) }
        return present.union(available).count - min(doubted, chain.members.faultBound) >= contributionsLeast
    }

    /// For whom a round waits that rests on suspects: every other member that can be reached, unless it was waited for in
    /// vain lately.
    func membersWaitedFor(beyond present: Set<MemberID>) -> [MemberID] {
        chain.members.members.lazy.map(\.id).filter { member in
            !present.contains(member) && self.commitments.suspects.isWaitedFor(member, at: self.height.height)
                && self.isReached(member)
        }
    }

    /// When a round that rests on suspects is closed; nil if it does not.
    func doubtfulDeadline(_ present: Set<MemberID>) -> Instant? {
        guard let doubtful = height.commitmentsDoubtfulSince, !awaitsReplay else { return nil }
        let (began, limit) = (height.began, timing.roundDeadline)
        let wait = commitments.suspects.waitMilliseconds(
            for: suspects(among: present),
            first: timing.doubtfulGraces * graceMilliseconds(began: began, enough: doubtful),
            left: limit - min(limit, doubtful.since(began)))
        return doubtful + wait
    }

    // MARK: - Failures

    /// Before a version becomes the head: what its round shows of those that committed, and of those that did not.
    func learn(from certified: CertifiedVersion) {
        if certified.version.manifest.isEmpty {
            noteFailures(endingWith: certified)
        } else {
            commitments.suspects.noteWaitedInVain(for: height.waitedFor, at: height.height)
        }
    }

    /// Who is to blame for a version that lists nothing: what the ready records say that decided it, this node's own
    /// first of all, and not what came since.
    ///
    /// An author that is committed has failed if neither this node's ready record nor more of the others' than members may
    /// be faulty name a slot of it. If that is true of this node itself, the fault lies with those that should fetch its
    /// payload. What is not committed counts only if its author signed two contributions for the slot: an honest author may
    /// have been late at some members, and must not show it. A round that an action hurried waited for no payload.
    private func noteFailures(endingWith certified: CertifiedVersion) {
        guard certified.version.action == nil, !height.isHurried else { return }
        var delivered = certified.embedded.authorsNamed(byMoreThan: chain.members.faultBound)
        guard delivered.count < contributionsLeast else { return }
        delivered.formUnion(height.own.ready?.body.slots.map(\.author) ?? [])
        delivered.formUnion(height.awaitingApproval ?? authorsAwaitingApproval)
        let committed = height.committedAtReady ?? committedAuthors
        let named = (height.own.closed?.body.commitments ?? []).map(\.author)
        let failed = committed.union(named).subtracting(delivered).filter { author in
            committed.contains(author)
                || evidence.provesTwoContributions(in: Slot(author: author, base: chain.headDigest))
        }
        guard !failed.isEmpty, !failed.contains(identity.member) else { return }
        commitments.suspects.forgetAbsences()
        for author in failed.sorted() { commitments.suspects.noteFailure(of: author, at: height.height) }
    }

    /// Keeps what this node knows of its round when it signs `ready`: a statement or a payload that comes later changes
    /// nothing of who has failed.
    func rememberRoundAtReady() {
        height.committedAtReady = committedAuthors
        height.awaitingApproval = authorsAwaitingApproval
    }

    private var committedAuthors: Set<MemberID> { Set((headRound?.committed ?? []).map(\.author)) }

    /// Authors whose payload a quorum holds, while only operators can keep it from being named.
    private var authorsAwaitingApproval: Set<MemberID> {
        guard chain.rules.review == .approve else { return [] }
        let head = chain.headDigest
        return Set(contributions.certifiedSlots.lazy.filter { $0.base == head }.map(\.author))
    }
}

extension EmbeddedPayload {
    /// Authors of slots that stand in more than `count` of the ready records.
    fileprivate func authorsNamed(byMoreThan count: Int) -> Set<MemberID> {
        var counts: [Slot: Int] = [:]
        for record in ready { for slot in record.body.slots { counts[slot, default: 0] += 1 } }
        return Set(counts.lazy.filter { $0.value > count }.map(\.key.author))
    }
}
