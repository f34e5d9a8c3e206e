import Crypto
import Gossip
import Ledger

/// Who closed which round and named which contribution.
struct CommitmentIndex {
    struct Naming: Hashable {
        let slot: Slot
        let contribution: ContributionDigest
    }

    /// By height.
    private(set) var closers: [UInt64: Set<MemberID>] = [:]
    private(set) var namers: [Naming: Set<MemberID>] = [:]
    /// What is committed in a slot.
    var committed: [Slot: ContributionDigest] = [:]

    /// Returns what the statement names.
    mutating func note(_ closed: Signed<Closed>) -> [Naming] {
        closers[closed.body.height.value, default: []].insert(closed.signer)
        return closed.body.commitments.map { commitment in
            let naming = Naming(
                slot: Slot(author: commitment.author, base: closed.body.parent), contribution: commitment.contribution)
            namers[naming, default: []].insert(closed.signer)
            return naming
        }
    }
}

extension Roster {
    /// More than half of what all can say where a third of them speaks twice.
    func isCommitment(_ number: Int) -> Bool { 2 * number > count + faultBound }
}

/// Commit before reveal, by the text of the protocol.
extension Checkers {
    /// A `closed` statement on a wire.
    func saw(_ closed: Signed<Closed>) {
        guard isSigned(closed) else { return }
        for naming in commitments.note(closed) { checkCommitment(naming, roster(of: .closed(closed.body.height))) }
    }

    /// A `closed` statement on an honest disk.
    func kept(_ closed: Signed<Closed>, by member: Int) {
        guard isSigned(closed) else {
            return report(.invalidCertificate, "member \(member) keeps a closed statement with an invalid signature")
        }
        saw(closed)
    }

    private func isSigned(_ closed: Signed<Closed>) -> Bool {
        isValid(Claim(signer: closed.signer, closed.body), closed.signature) {
            closed.body.isSigned(closed.signature, by: $0, network: $1)
        }
    }

    private func checkCommitment(_ naming: CommitmentIndex.Naming, _ roster: Roster) {
        let count = (commitments.namers[naming] ?? []).count { roster.contains($0) }
        guard roster.isCommitment(count) else { return }
        if let other = commitments.committed[naming.slot], other != naming.contribution {
            report(
                .conflictingCommitment,
                "\(Claim.Place.contribution(naming.slot).name): \(naming.contribution.short) and \(other.short)")
        }
        commitments.committed[naming.slot] = naming.contribution
    }

    /// Whether a disk holds what shows that the slot is committed.
    func isCommitted(_ slot: Slot, by ground: SyncedGround) -> Bool {
        guard let contribution = available[slot], let base = baseHeight(slot.base), let roster = rosters[base + 1]
        else {
            return false
        }
        return roster.isCommitment((ground.namers[contribution] ?? []).count { roster.contains($0) })
    }

    /// An honest author put a piece of its own contribution on a wire.
    func shows(_ contribution: Contribution, by member: Int) {
        guard isHonest[member] else { return }
        let height = contribution.baseHeight.value + 1
        let roster = rosters[height] ?? newestRoster
        let closers = (commitments.closers[height] ?? []).count { roster.contains($0) }
        if !roster.isQuorum(closers) {
            report(
                .earlyReveal,
                "member \(member) shows \(contribution.contributionDigest.short) when \(closers) had closed \(height)")
        }
    }

    /// An honest member is about to close a round: it names what honest authors let it hear before.
    ///
    /// - Parameter heard: contributions on the round's base that reached its process in time.
    func closes(_ closed: Closed, by member: Int, heard: [Contribution]) {
        guard isHonest[member], !people.isEmpty else { return }
        for contribution in heard where isHonest(contribution.author) && contribution.base == closed.parent {
            let isNamed = closed.commitments.contains {
                $0.author == contribution.author && $0.contribution == contribution.contributionDigest
            }
            guard !isNamed, isEligible(contribution.slot, height: closed.height.value) else { continue }
            report(.commitmentLeftOut, "member \(member) leaves \(contribution.contributionDigest.short) out")
        }
    }

    /// Every listed contribution is named by enough distinct members of the set after its base, and every embedded
    /// statement names one.
    func faultOfClosings(_ embedded: EmbeddedPayload) -> String? {
        let named = embedded.payload.support.closings
        guard named.count == embedded.closings.count else { return "\(embedded.closings.count) closings" }
        var namers: [ContributionDigest: Set<MemberID>] = [:]
        var bases: Set<VersionDigest> = []
        for (name, closing) in zip(named, embedded.closings) {
            guard closing.names.digest == name else { return "another closing than it names" }
            guard let base = closing.statements.first?.body.parent, bases.insert(base).inserted else {
                return "two closings of one round"
            }
            for closed in closing.statements {
                guard closed.body.parent == base, let height = baseHeight(base), closed.body.height.value == height + 1,
                    isSigned(closed)
                else { return "a closed statement of something else" }
                let listed = embedded.version.manifest.filter { entry in
                    entry.slot.base == base
                        && closed.body.commitments.contains {
                            $0.author == entry.slot.author && $0.contribution == entry.contribution
                        }
                }
                if listed.isEmpty { return "a closed statement that names nothing listed" }
                let isShownByOthers = listed.allSatisfy { entry in
                    closing.statements.contains { other in
                        other.signer == closed.signer && other != closed
                            && other.body.commitments.contains { $0.contribution == entry.contribution }
                    }
                }
                if isShownByOthers { return "a member's statement beside others that name as much" }
                for entry in listed { namers[entry.contribution, default: []].insert(closed.signer) }
            }
        }
        for entry in embedded.version.manifest {
            guard let roster = rosters[entry.baseHeight.value + 1],
                roster.isCommitment((namers[entry.contribution] ?? []).count)
            else { return "a contribution that is not committed" }
        }
        return nil
    }
}
