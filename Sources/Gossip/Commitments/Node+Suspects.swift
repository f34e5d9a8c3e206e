import Ledger
import Link

/// Who becomes a suspect, and how long the close of a round waits because of suspects.
extension Node {
    // MARK: - Closing

    /// Whether enough contributions are to be expected if suspects' commitments bring none. Of more suspects than may be
    /// faulty some only have a slow line: those beyond are counted.
    ///
    /// - Parameters:
    ///   - present: authors that have committed.
    ///   - available: authors of which a contribution of an earlier round may be listed.
    func sufficeWithoutSuspects(_ present: Set<MemberID>, _ available: Set<MemberID>) -> Bool {
        let doubted = present.count { !available.contains($0) && commitments.suspects.contains($0, at: height.height) }
        return present.union(available).count - min(doubted, chain.members.faultBound) >= contributionsLeast
    }

    /// For whom a round waits that rests on suspects: every other member that can be reached, whether it took part lately
    /// or not, if it was not waited for in vain.
    func membersWaitedFor(beyond present: Set<MemberID>) -> [MemberID] {
        chain.members.members.lazy.map(\.id).filter { member in
            !present.contains(member) && self.isReached(member)
                && self.commitments.suspects.isWaitedFor(member, at: self.height.height)
        }
    }

    /// When a round that rests on suspects is closed; nil if it does not.
    func doubtfulDeadline(_ present: Set<MemberID>) -> Instant? {
        guard let doubtful = height.commitmentsDoubtfulSince, !awaitsReplay else { return nil }
        let (began, limit) = (height.began, timing.roundDeadline)
        let suspects = present.filter { commitments.suspects.contains($0, at: height.height) }
        let wait = commitments.suspects.waitMilliseconds(
            for: suspects, first: timing.doubtfulGraces * graceMilliseconds(began: began, enough: doubtful),
            left: limit - min(limit, doubtful.since(began)))
        return doubtful + wait
    }

    // MARK: - Judging

    /// When the round is judged even if this node is not ready by then: six graces after no more payloads lack than may be
    /// withheld. A payload that comes just before the round's deadline is as good as none.
    var judgementDeadline: Instant? {
        guard selfIndex != nil, !height.isJudged, height.own.ready == nil, height.decided == nil,
            let few = height.fewAwaitedSince,
            let closed = headRound?.closedSince
        else { return nil }
        return few + timing.doubtfulGraces * graceMilliseconds(began: closed, enough: few)
    }

    func judgeRoundIfDue() { if let judgementDeadline, judgementDeadline <= now { judgeRound() } }

    /// Judges, once a height, every author that this node closed the round with, or whose contribution is committed: by
    /// whether a quorum holds what it committed to, or has `listed` it. Why not is not asked: a member that shows its
    /// commitment to a few only, leaves, or sends what is refused has delivered nothing. If that left enough
    /// contributions, those for whom the close waited were waited for in vain; if not, they were needed.
    func judgeRound(listed: Set<MemberID> = []) {
        guard !height.isJudged else { return }
        height.isJudged = true
        // A node that has no links to a quorum sees no payloads: that is not the authors' fault.
        guard linkedMembers.count + 1 >= chain.members.quorum else { return }
        let named = (height.own.closed?.body.commitments ?? []) + (headRound?.committed ?? [])
        let authors = Set(named.map(\.author))
        let delivered = authors.filter { author in
            let slot = Slot(author: author, base: chain.headDigest)
            return listed.contains(author) || contributions.slots[slot]?.certificate != nil
        }
        for author in authors.subtracting(delivered).sorted() where author != identity.member {
            commitments.suspects.noteFailure(of: author, at: height.height)
        }
        let available = contributions.authors(of: readyContent().nameable)
        if delivered.union(available).count < contributionsLeast {
            commitments.suspects.forgetAbsences()
        } else {
            for member in height.waitedFor { commitments.suspects.noteAbsence(of: member, at: height.height) }
        }
    }

    /// Judges a round whose version came before this node was ready. One that carries an action waited for no
    /// contribution; under reviews it may list little of what was delivered.
    func judgeRound(endedBy version: Version) {
        guard height.own.closed != nil, height.own.ready == nil, version.action == nil, chain.rules.review == .open
        else {
            return
        }
        let head = chain.headDigest
        judgeRound(listed: Set(version.manifest.lazy.filter { $0.slot.base == head }.map(\.slot.author)))
    }
}
