import Crypto
import Ledger
import Link

/// Showing what was committed to, and giving up what was not: an author shows its payload once a quorum has closed the
/// round and enough of them name it; no member asks for pieces before.
extension Node {
    /// Whether a contribution is committed, as far as this node can tell: by `closed` statements, or because a quorum
    /// acknowledged it, of whom honest members saw them.
    func isCommitted(_ contribution: Contribution, _ digest: ContributionDigest) -> Bool {
        let commitment = Commitment(author: contribution.author, contribution: digest)
        return commitments.isCommitted(commitment, on: contribution.base)
            || contributions.slots[contribution.slot]?.certificate?.vote.contribution == digest
    }

    /// Whether its pieces may be asked for: committed, or listed by the decided version.
    func mayFetch(_ candidate: Candidate) -> Bool {
        isCommitted(candidate.contribution, candidate.digest) || isDecided(candidate.digest)
    }

    /// Whether this node gives pieces of a contribution to others. Those of others were shown by their authors; an own
    /// one is shown once it is committed and a quorum has closed its round.
    func isShown(_ candidate: Candidate) -> Bool {
        let contribution = candidate.contribution
        guard contribution.author == identity.member else { return true }
        if chain.listed[contribution.slot] == candidate.digest { return true }
        guard !candidate.isVoid, isCommitted(contribution, candidate.digest) else { return false }
        // A version of that height rests on a quorum of members that each saw a quorum close the round.
        return contributions.slots[contribution.slot]?.certificate != nil || contribution.baseHeight < chain.height
            || commitments[contribution.base]?.isClosed ?? false
    }

    func becameCommitted(_ commitments: [Commitment], on base: VersionDigest) {
        contributions.eligible = nil
        var lacking: [FetchItem] = []
        for commitment in commitments {
            if contributions[commitment.contribution] == nil {
                lacking.append(.contribution(commitment.contribution))
            } else {
                settle(Slot(author: commitment.author, base: base), on: commitment.contribution)
                continueCandidate(commitment.contribution)
            }
        }
        if !lacking.isEmpty { fetch(lacking) }
    }

    /// Shows own contributions whose time has come, and gives up those whose time is over.
    func advanceOwnContributions() {
        for digest in contributions.ownUnsettled {
            guard let candidate = contributions[digest], candidate.isAnnounced else { continue }
            if candidate.status == .valid, isShown(candidate) {
                show(candidate)
            } else if !isShown(candidate), isLost(candidate) {
                giveUp(candidate)
            }
        }
    }

    private func show(_ candidate: Candidate) {
        let digest = candidate.digest
        contributions.settle(digest)
        send(.have(digest, pieces: candidate.pieces), to: .all())
        for link in candidate.deferred.keys.sorted() {
            for index in candidate.deferred[link]!.sorted() {
                effects.append(.sendPiece(link, PieceName(contribution: digest, index: index)))
            }
        }
        contributions.update(digest) { $0.deferred = [:] }
        acknowledge(candidate.signed)
    }

    /// Whether an own contribution that was not shown never can be: too few members are left that might name it. While
    /// this node has not heard enough of them, others may know it for committed, even if the round is decided.
    private func isLost(_ candidate: Candidate) -> Bool {
        let contribution = candidate.contribution
        guard !isCommitted(contribution, candidate.digest), let round = commitments[contribution.base] else {
            return false
        }
        return !round.mayBeCommitted(candidate.commitment)
    }

    /// Whether a contribution can no longer be committed: its base is not the head, or the round is closed without it.
    func isTooLate(_ contribution: Contribution) -> Bool {
        guard contribution.base == chain.headDigest else { return true }
        return headRound.map { !$0.mayBeCommitted(Commitment(contribution)) } ?? false
    }

    /// An own contribution that was never shown and cannot be listed: its values go back to the residual. The slot
    /// stays taken.
    func giveUp(_ candidate: Candidate) {
        let digest = candidate.digest
        contributions.update(digest) {
            $0.isVoid = true
            $0.isAnnounced = false
        }
        contributions.settle(digest)
        effects.append(.forget(digest))
        emit(.ownContributionLeftOut(digest))
    }

    /// Asks again, at a tick, for what is committed and not here, and for the statements that commit what a quorum
    /// holds or an own contribution whose round is decided.
    func fetchCommitments() {
        var items: [FetchItem] = []
        for base in chain.bases {
            guard let round = commitments[base.digest] else { continue }
            items += round.committed.filter { commitment in
                contributions[commitment.contribution] == nil
                    && chain.listed[Slot(author: commitment.author, base: base.digest)] == nil
            }.map { .contribution($0.contribution) }
        }
        for slot in contributions.certifiedSlots where chain.listed[slot] == nil {
            guard let digest = contributions.slots[slot]?.certificate?.vote.contribution,
                !commitments.isCommitted(Commitment(author: slot.author, contribution: digest), on: slot.base)
            else { continue }
            items.append(.commitment(digest))
        }
        items += contributions.ownUnsettled.filter { digest in
            contributions[digest].map { $0.contribution.baseHeight < chain.height } ?? false
        }.map { .commitment($0) }
        if !items.isEmpty { fetch(Array(items.prefix(Wire.fetchItemsMaximum))) }
    }

    /// What commits these slots, for a ready record or a payload; nil while something lacks, which is then fetched.
    func closings(for entries: [(slot: Slot, contribution: ContributionDigest)]) -> [Closing]? {
        var byBase: [VersionDigest: [Commitment]] = [:]
        for entry in entries {
            byBase[entry.slot.base, default: []].append(
                Commitment(author: entry.slot.author, contribution: entry.contribution))
        }
        var closings: [Closing] = []
        for base in byBase.keys.sorted() {
            let wanted = (byBase[base] ?? []).sorted()
            guard let proof = commitments[base]?.proof(of: wanted) else {
                fetch(
                    wanted.filter { !commitments.isCommitted($0, on: base) }.prefix(Wire.fetchItemsMaximum)
                        .map { .commitment($0.contribution) })
                return nil
            }
            closings.append(Closing(statements: proof))
        }
        return closings
    }
}
