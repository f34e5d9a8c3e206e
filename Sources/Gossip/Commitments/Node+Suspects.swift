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
    func learn(from version: Version) {
        if version.manifest.isEmpty {
            noteFailures(endingWith: version)
        } else {
            commitments.suspects.noteWaitedInVain(for: height.waitedFor, at: height.height)
        }
    }

    /// Who is to blame for a version that lists nothing.
    ///
    /// An author that is committed has failed if nobody holds its payload for a quorum by then. If nobody holds this node's
    /// own, the fault lies with those that should fetch it. What is not committed counts only if its author is proven to be
    /// hostile: an honest author may have been late at some members, and must not show it. A round that an action hurried
    /// waited for no payload; and a node that was not ready may not know yet what others hold.
    private func noteFailures(endingWith version: Version) {
        guard version.action == nil, !height.isHurried, height.own.ready != nil else {
            return
        }
        let committed = Set((headRound?.committed ?? []).map(\.author))
        let named = committed.union((height.own.closed?.body.commitments ?? []).map(\.author))
        let failed = named.filter { author in
            contributions.slots[Slot(author: author, base: chain.headDigest)]?.certificate == nil
                && (committed.contains(author) || evidence.accuses(author))
        }
        guard !failed.isEmpty, !failed.contains(identity.member) else { return }
        commitments.suspects.forgetAbsences()
        for author in failed.sorted() { commitments.suspects.noteFailure(of: author, at: height.height) }
    }
}
