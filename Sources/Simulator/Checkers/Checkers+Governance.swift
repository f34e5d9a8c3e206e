import Crypto
import Ledger

/// What versions may carry, by the text of the protocol.
extension Checkers {
    /// The roster after a version of this height that carries the action.
    ///
    /// - Returns: nil where it may not stand there: outside its window, of a number that was used, without the
    ///   operators of the height before or without the readiness of the set that it gives.
    func roster(after complete: CompleteAction, at height: UInt64) -> Roster? {
        let action = complete.action
        guard let current = rosters[height], action.first.value <= height, height <= action.last.value,
            current.sequences[action.change.subject].map({ $0 < action.sequence }) ?? true,
            hasOperators(complete.signed, current), let next = current.after(action),
            hasReadiness(complete, next)
        else { return nil }
        if case .revert(_, let from) = action.change, from.value < 1 || from.value >= height { return nil }
        return next
    }

    /// What an action gave that a version carried; nil where none did.
    func roster(after complete: CompleteAction) -> Roster? {
        history.values.first { $0.embedded.action == complete }.flatMap { rosters[$0.height.value + 1] }
    }

    /// More than two thirds, each once, all with the key of that height; new keys by themselves, a rotation by its
    /// owner.
    private func hasOperators(_ signed: SignedGovernanceAction, _ roster: Roster) -> Bool {
        let threshold = roster.rules
        let isEnough =
            UInt64(signed.operators.count) * UInt64(threshold.operatorThresholdDenominator)
            > UInt64(roster.count) * UInt64(threshold.operatorThresholdNumerator)
        guard isEnough, Set(signed.operators.map(\.signer)).count == signed.operators.count else { return false }
        for signature in signed.operators {
            guard let member = roster.memberSet[signature.signer], member.keyEpoch == signature.keyEpoch,
                signed.action.isSigned(signature.signature, by: member.operatorKey, network: network)
            else { return false }
        }
        switch signed.action.change {
        case .admit(let member), .rotate(let member):
            if case .rotate = signed.action.change, !signed.operators.contains(where: { $0.signer == member.id }) {
                return false
            }
            guard let possession = signed.possession else { return false }
            return signed.action.isSigned(possession, by: member.nodeKey, network: network)
        default: return true
        }
    }

    /// A quorum of the resulting set, over exactly that set's digest.
    private func hasReadiness(_ complete: CompleteAction, _ next: Roster) -> Bool {
        guard complete.action.change.changesMembers else { return complete.readiness == nil }
        guard let readiness = complete.readiness else { return false }
        let statement = Readiness(action: complete.action.digest, members: next.memberSet.digest)
        let named = positions(readiness.bitmap)
        guard named.count == readiness.signatures.count, next.isQuorum(named.count) else { return false }
        return zip(named, readiness.signatures).allSatisfy { position, signature in
            position < next.count
                && statement.isSigned(signature, by: next.members[position].nodeKey, network: network)
        }
    }

    /// Of the actions that f + 1 of the embedded ready records name, the one with the lowest digest must be carried.
    func actionToCarry(_ ready: [Ready], _ roster: Roster) -> Digest? {
        Set(ready.flatMap(\.actions)).filter { action in
            ready.count { $0.actions.contains(action) } > roster.faultBound
        }.min()
    }

    /// Notes the set and the rules that an adopted version gives; reports where it carries what it may not.
    func enterRoster(after certified: CertifiedVersion) {
        let height = certified.height.value
        heights[certified.version.versionDigest] = height
        guard let current = rosters[height] else { return }
        var next = current
        if let complete = certified.embedded.action {
            if let after = roster(after: complete, at: height) {
                next = after
            } else {
                report(.wrongAction, "\(height) carries \(complete.action.change.name), which it may not")
            }
        }
        if certified.version.rules != next.rules.digest || certified.version.members != next.memberSet.digest {
            report(.wrongAction, "\(height) names another set or other rules than its action gives")
        }
        rosters[height + 1] = next
    }
}

/// Vetoes and approvals as versions embed them.
extension Checkers {
    typealias ReviewIndex = [Slot: [MemberID: ReviewStatement]]

    /// All that versions below `height` embed, and these ready records. A reviewer's first word counts; of two in one
    /// version, the one whose bytes come first.
    func reviews(below height: UInt64, with ready: [Ready]) -> ReviewIndex {
        var index = reviewIndexes[height - 1] ?? [:]
        let fresh = ready.flatMap(\.reviews).sorted { $0.encoded.lexicographicallyPrecedes($1.encoded) }
        for review in fresh where index[review.statement.slot]?[review.reviewer] == nil {
            index[review.statement.slot, default: [:]][review.reviewer] = review.statement
        }
        return index
    }

    /// Whether every review in these ready records is one of a present operator.
    func areSigned(_ reviews: [SignedReview], _ roster: Roster) -> Bool {
        reviews.allSatisfy { review in
            guard let member = roster.memberSet[review.reviewer], member.keyEpoch == review.signature.keyEpoch else {
                return false
            }
            return review.statement.isSigned(review.signature.signature, by: member.operatorKey, network: network)
        }
    }

    /// Whether reviews keep the contribution out of a version of this roster's height.
    func isBlockedByReview(_ contribution: ContributionDigest, in slot: Slot, _ index: ReviewIndex, _ roster: Roster)
        -> Bool
    {
        let said = (index[slot] ?? [:]).filter { $0.value.contribution == contribution }
        switch roster.rules.review {
        case .open: return false
        case .vetoWindow:
            return said.values.count { $0.verdict == .veto } >= max(2, roster.faultBound + 1)
        case .approve:
            let approvals = said.count { $0.value.verdict == .approve && $0.key != slot.author }
            return approvals < Int(roster.rules.approvals)
        }
    }

    /// Whether reviews free a leader from listing the slot.
    func isExempt(_ slot: Slot, _ index: ReviewIndex, _ roster: Roster) -> Bool {
        let reviewed = Set((index[slot] ?? [:]).values.map(\.contribution))
        switch roster.rules.review {
        case .open: return false
        case .vetoWindow: return reviewed.contains { isBlockedByReview($0, in: slot, index, roster) }
        case .approve: return reviewed.allSatisfy { isBlockedByReview($0, in: slot, index, roster) }
        }
    }
}

extension Change {
    /// For people.
    var name: String {
        switch self {
        case .admit: "admit"
        case .remove: "remove"
        case .rotate: "rotate"
        case .rules: "rules"
        case .revert: "revert"
        case .switchToReplay: "switch"
        }
    }
}
