import Crypto
import Ledger
import Link

/// Closing a round: which commitments a member saw, said once a height (commit before reveal, agreement.md).
extension Node {
    /// The round on the head, as far as anybody has closed it.
    var headRound: CommitmentRound? { commitments[chain.headDigest] }

    /// Says which commitments this node holds, once a height: as soon as all expected members have committed, or enough
    /// have and the grace has passed, or at the deadline.
    func signClosedIfDue() {
        guard mayClose else { return }
        let nameable = commitmentsToName
        let present = Set(nameable.map(\.author))
        let available = authorsAvailable
        noteEnoughCommitments(present, available)
        let isComplete =
            !nameable.isEmpty && suffice(present, available) && !awaitsReplay
            && awaitedCommitments(beyond: present, limit: 0) == 0
            && (sufficeWithoutSuspects(present, available) || membersWaitedFor(beyond: present).isEmpty)
        let deadline = closingDeadline(present, available)
        guard isComplete || deadline.map({ $0 <= now }) ?? false else {
            announceClosing(at: deadline, nameable)
            return
        }
        let closed = sign(
            Closed(height: height.height, parent: chain.headDigest, commitments: inTurn(nameable)), by: ownKey)
        height.own.closed = closed
        if let doubtful = doubtfulDeadline(present), doubtful <= now {
            height.waitedFor = membersWaitedFor(beyond: present)
        }
        persist([.closed(closed)], then: [.ownClosed(closed)])
    }

    /// Tells the site when the round will be closed, so that a slow trainer can hand over what it has by then.
    private func announceClosing(at deadline: Instant?, _ nameable: [Commitment]) {
        guard let deadline, deadline != height.announcedClosing,
            !nameable.contains(where: { $0.author == identity.member })
        else { return }
        height.announcedClosing = deadline
        emit(.roundCloses(height.height, at: deadline))
    }

    private var mayClose: Bool {
        selfIndex != nil && height.own.closed == nil && height.decided == nil && maySign(at: height.height)
    }

    /// When to stop waiting for more commitments. Nil while there is no reason to close: an idle mesh stays idle.
    var closingDeadline: Instant? {
        mayClose ? closingDeadline(Set(commitmentsToName.map(\.author)), authorsAvailable) : nil
    }

    /// Authors of which a contribution may be listed now.
    private var authorsAvailable: Set<MemberID> { contributions.authors(of: readyContent().nameable) }

    private func closingDeadline(_ present: Set<MemberID>, _ available: Set<MemberID>) -> Instant? {
        // Of more members than may be faulty an honest one had a reason.
        let isCarriedAlong = (headRound?.statements.count ?? 0) > chain.members.faultBound
        guard suffice(present, available) || replayedRoots != nil || !completeActions.isEmpty || isCarriedAlong
        else { return nil }
        let certain = deadline(
            began: height.began, enough: height.commitmentsEnoughSince, limit: timing.roundDeadline)
        return doubtfulDeadline(present).map { min(certain, $0) } ?? certain
    }

    /// Whether those that have committed, and those of which a contribution of an earlier round may be listed, are as many
    /// as the rules ask for. Fewer start no version by themselves.
    private func suffice(_ present: Set<MemberID>, _ available: Set<MemberID>) -> Bool {
        present.union(available).count >= Int(chain.rules.minContributions)
    }

    /// A grace after there was enough, at the latest the limit.
    func deadline(began: Instant, enough: Instant?, limit: UInt64) -> Instant {
        guard let enough, !awaitsReplay else { return began + limit }
        return min(began + limit, enough + graceMilliseconds(began: began, enough: enough))
    }

    func graceMilliseconds(began: Instant, enough: Instant) -> UInt64 {
        max(timing.graceMinimum, enough.since(began) * timing.gracePercent / 100)
    }

    /// Enough: as many as the rules ask for, and of the expected members all but as many as may be faulty; or f + 1
    /// members that have closed already; or a complete action: what the operators have decided does not wait for idle
    /// trainers. A suspect's commitment may bring no contribution: with it there is doubtfully enough, and a slower member
    /// is waited for longer.
    private func noteEnoughCommitments(_ present: Set<MemberID>, _ available: Set<MemberID>) {
        guard height.commitmentsEnoughSince == nil else { return }
        let faultBound = chain.members.faultBound
        guard completeActions.isEmpty, (headRound?.statements.count ?? 0) <= faultBound else {
            height.commitmentsEnoughSince = now
            if !completeActions.isEmpty { height.isHurried = true }
            return
        }
        guard present.union(available).count >= contributionsLeast else { return }
        let awaited = awaitedCommitments(beyond: present, limit: faultBound)
        let isEnough = present.count >= contributionsLeast && awaited <= faultBound
        if sufficeWithoutSuspects(present, available) || membersWaitedFor(beyond: present).isEmpty {
            if isEnough { height.commitmentsEnoughSince = now }
        } else if isEnough || awaited == 0, height.commitmentsDoubtfulSince == nil {
            height.commitmentsDoubtfulSince = now
        }
    }

    /// How many contributions have to be there before this node goes on without others that it expects.
    var contributionsLeast: Int { min(max(1, Int(chain.rules.minContributions)), chain.members.count) }

    /// What this node could name: of each author the first that it heard, durable where it is its own.
    private var commitmentsToName: [Commitment] {
        contributions.authors(on: chain.headDigest).sorted().compactMap { author in
            let slot = Slot(author: author, base: chain.headDigest)
            guard let digest = contributions.slots[slot]?.candidate, let candidate = contributions[digest],
                candidate.isAnnounced, chain.isEligible(slot)
            else { return nil }
            if case .refused = candidate.status { return nil }
            return Commitment(author: author, contribution: digest)
        }
    }

    /// As many as one statement names; where there are more, those of the authors whose turn it is, the same at all
    /// members.
    private func inTurn(_ nameable: [Commitment]) -> [Commitment] {
        let limit = Wire.commitmentsMaximum(memberCount: chain.members.count)
        guard nameable.count > limit else { return nameable }
        let count = chain.members.count
        let first = Int(chain.nextHeight.value % UInt64(count)) * limit % count
        func turn(_ commitment: Commitment) -> Int {
            ((chain.members.index(of: commitment.author) ?? 0) + count - first) % count
        }
        return Array(nameable.sorted { turn($0) < turn($1) }.prefix(limit))
    }

    /// How many members are expected that have not committed, counted to one beyond `limit`: those that took part lately
    /// and can be reached; while no member is known to have taken part, every member that can be reached.
    private func awaitedCommitments(beyond present: Set<MemberID>, limit: Int) -> Int {
        var count = 0
        func note(_ author: MemberID) -> Bool {
            if !present.contains(author), chain.members[author] != nil, isReached(author) { count += 1 }
            return count > limit
        }
        if let active = commitments.active {
            _ = active.contains(where: note)
        } else {
            _ = chain.members.members.contains { note($0.id) }
        }
        return count
    }

    // MARK: - Statements

    func ownClosedIsDurable(_ closed: Signed<Closed>) {
        guard closed.body.parent == chain.headDigest, let base = chain.base(closed.body.parent),
            let index = base.members.index(of: closed.signer)
        else { return }
        count(closed, at: index, on: base)
        send(.closed(closed), to: .all())
    }

    func received(_ closed: Signed<Closed>, from link: LinkID) {
        guard let base = chain.base(closed.body.parent), base.height.next == closed.body.height,
            let index = base.members.index(of: closed.signer)
        else { return }
        let round = commitments[base.digest]
        if let round {
            guard round.isNew(closed, at: index) else { return }
            // A second statement of one member is kept only where something rests on it.
            guard round.statements[index] == nil || isNeeded(closed, at: index, on: base) else { return }
        }
        guard chain.isValid(closed, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        count(closed, at: index, on: base, from: link)
        send(.closed(closed), to: .unreached(by: closed.signer, from: link))
    }

    /// Whether a payload names this very statement, or it names what a quorum holds and is not known to be committed,
    /// and its signer has not named that before: so one member can make this node keep no more statements than there
    /// are slots.
    private func isNeeded(_ closed: Signed<Closed>, at index: Int, on base: Chain.Base) -> Bool {
        let name = closed.objectDigest
        if commitments.closings.values.contains(where: { $0.statements.contains(name) }) { return true }
        return closed.body.commitments.contains { commitment in
            let slot = Slot(author: commitment.author, base: base.digest)
            return contributions.slots[slot]?.certificate?.vote.contribution == commitment.contribution
                && !commitments.isCommitted(commitment, on: base.digest)
                && !(commitments[base.digest]?.isNamed(commitment, by: index) ?? false)
        }
    }

    /// A valid statement: what it completes is committed.
    ///
    /// - Parameter link: whence it came; nil for an own one.
    func count(_ closed: Signed<Closed>, at index: Int, on base: Chain.Base, from link: LinkID? = nil) {
        let wasClosed = commitments[base.digest]?.isClosed ?? false
        let completed = commitments.insert(closed, at: index, on: base, now: now)
        pacing.progressed = true
        if !wasClosed, commitments[base.digest]?.isClosed ?? false {
            pacing.idleTicks = 0
            emit(.roundClosed(base.height.next))
        }
        if base.digest == chain.headDigest { fetchUnknown(closed.body.commitments, from: link) }
        if !completed.isEmpty { becameCommitted(completed, on: base.digest) }
    }

    /// Asks for commitments that a statement names and this node has not heard of, while it may still name them too; and
    /// always for another one of an author whose commitment it knows, since two prove that the author is hostile. So what one
    /// member was shown is known to all in time, or its author is proven. The signer of the statement has them: it is asked
    /// beside the fetch log, which others could fill. One member's first statement of a round comes here once.
    private func fetchUnknown(_ named: [Commitment], from link: LinkID?) {
        var unknown: [FetchItem] = []
        var contradicting: [FetchItem] = []
        for commitment in named where contributions[commitment.contribution] == nil {
            let slot = Slot(author: commitment.author, base: chain.headDigest)
            if contributions.slots[slot]?.candidate == nil {
                if height.own.closed == nil { unknown.append(.contribution(commitment.contribution)) }
            } else if !evidence.provesTwoContributions(in: slot) {
                contradicting.append(.contribution(commitment.contribution))
            }
        }
        let asked = (unknown + contradicting).prefix(Wire.fetchItemsMaximum)
        if let link, links[link] != nil, !asked.isEmpty { send(.fetch(Array(asked)), to: link) }
        if !unknown.isEmpty { fetch(Array(unknown.prefix(Wire.fetchItemsMaximum))) }
    }

    /// The names of the statements on which a payload rests, from a peer: kept where a payload of this height names
    /// them.
    func received(_ closing: ClosingNames) {
        let digest = closing.digest
        guard commitments.closings[digest] == nil,
            height.payloads.values.contains(where: { $0.support.closings.contains(digest) })
        else { return }
        if chain.mayRest(on: closing) {
            commitments.closings[digest] = closing
        } else {
            commitments.oversized.insert(digest)
        }
        pacing.progressed = true
    }

    /// The closings that a payload names, as far as their statements are here; nil while something lacks, which is then
    /// added to `lacking`.
    func closings(of support: Support, lacking: inout [FetchItem]) -> [Closing]? {
        var found: [Closing] = []
        let before = lacking.count
        for digest in support.closings {
            guard let names = commitments.closings[digest] else {
                lacking.append(.closing(digest))
                continue
            }
            let statements = names.statements.compactMap { name -> Signed<Closed>? in
                let statement = commitments.object(name)
                if statement == nil { lacking.append(.closed(name)) }
                return statement
            }
            found.append(Closing(statements: statements))
        }
        return lacking.count == before ? found : nil
    }
}
