import Crypto
import Ledger

/// Who decides a height and by which rules, as the checkers read it off the actions that versions carry: they apply
/// each change themselves and compare with what the members agreed on.
struct Roster {
    let memberSet: MemberSet
    let rules: Rules
    /// The number of the last action on each subject that took effect.
    private(set) var sequences: [GovernanceSubject: UInt64] = [:]

    init(_ genesis: Genesis) {
        memberSet = genesis.members
        rules = genesis.rules
    }

    private init(_ set: MemberSet, _ rules: Rules, _ sequences: [GovernanceSubject: UInt64]) {
        memberSet = set
        self.rules = rules
        self.sequences = sequences
    }

    var members: [Member] { memberSet.members }
    var count: Int { members.count }
    /// Fewer than a third may fail.
    var faultBound: Int { (count - 1) / 3 }

    /// More than two thirds.
    func isQuorum(_ number: Int) -> Bool { 3 * number > 2 * count }

    func contains(_ member: MemberID) -> Bool { members.contains { $0.id == member } }

    /// The roster of the next height after a version that carried this.
    ///
    /// - Returns: nil where the change makes no set of members, or one with fewer than the contributions that the rules
    ///   ask for, so that no version may carry it.
    func after(_ action: GovernanceAction) -> Roster? {
        var members = members
        var tombstones = memberSet.tombstones
        var rules = rules
        switch action.change {
        case .admit(let member):
            guard !contains(member.id), !tombstones.contains(where: { $0.id == member.id }) else { return nil }
            members.append(member)
        case .remove(let id):
            guard let index = members.firstIndex(where: { $0.id == id }), count > 1 else { return nil }
            let left = members.remove(at: index)
            tombstones.append(Tombstone(id: id, lastKeyEpoch: left.keyEpoch, lastSequence: action.sequence))
        case .rotate(let member):
            guard let index = members.firstIndex(where: { $0.id == member.id }),
                members[index].keyEpoch + 1 == member.keyEpoch
            else { return nil }
            members[index] = member
        case .rules(let changed): rules = changed
        case .revert: break
        case .switchToReplay: return nil
        }
        guard let next = try? MemberSet(members: members, tombstones: tombstones),
            rules.minContributions <= next.count
        else { return nil }
        var sequences = sequences
        sequences[action.change.subject] = action.sequence
        return Roster(next, rules, sequences)
    }
}

extension Checkers {
    /// Who decides this height; nil where no honest member has adopted the version below it.
    func roster(_ height: UInt64) -> Roster? { rosters[height] }

    /// Of the newest height that anybody can work on.
    var newestRoster: Roster { rosters[UInt64(versions.count) + 1] ?? rosters[1]! }

    /// The roster whose keys count for a statement about this place: of a slot that of the height after its base. Where
    /// nobody honest has come so far, the newest that can be known.
    func roster(of place: Claim.Place) -> Roster {
        switch place {
        case .contribution(let slot), .availabilityVote(let slot):
            baseHeight(slot.base).map { rosters[$0 + 1] ?? newestRoster } ?? newestRoster
        case .closed(let height), .ready(let height), .proposal(let height, _), .notarize(let height, _),
            .finalize(let height, _),
            .nullify(let height, _):
            rosters[height.value] ?? newestRoster
        }
    }

    func baseHeight(_ digest: VersionDigest) -> UInt64? { heights[digest] }
}
