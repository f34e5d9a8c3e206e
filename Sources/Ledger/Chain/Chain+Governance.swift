import Crypto

/// Why an action may not stand in the next version.
public enum ActionFault: Error, Hashable, Sendable {
    case tooEarly(first: Height)
    case expired(last: Height)
    /// A number that is not above the last one on this subject: it was used, or withdrawn.
    case usedSequence(UInt64, last: UInt64)
    /// A number so far above the last one that few could follow it: the subject could never be acted on again.
    case distantSequence(UInt64, last: UInt64)
    case alreadyMember(MemberID)
    /// It was a member once. Whoever comes back makes new keys, so that nothing old can be replayed.
    case formerMember(MemberID)
    case notMember(MemberID)
    case lastMember
    /// Its name or one of its keys is another member's.
    case takenIdentity(MemberID)
    case tooManyMembers
    /// A rotation's key epoch is not the next one, or it renames the member.
    case wrongRotation(MemberID, keyEpoch: UInt32)
    case rules(RulesFault)
    case unchangedRules
    /// A revert must begin at a version that exists and whose contributions are still kept; so must what it makes replay
    /// again of earlier reverts.
    case outsideRetention(from: Height, oldest: Height)
    case repeatedExclusion
    case tooManyReverts
    /// The switch to a replay follows from ready records; nobody proposes it.
    case notProposable
    /// Not a member's operator, a retired key, or not its signature over this action.
    case foreignSignature(MemberID)
    case tooFewOperators(signed: Int, needed: Int)
    /// A rotation that the member's own operator did not sign.
    case unsignedByOwner(MemberID)
    /// New keys without their owner's signature over the action, or such a signature where no key is new.
    case wrongPossession
    /// No quorum of the resulting set is ready for it, or a signature is not over that set.
    case notReady
    /// The site that is to be admitted has not said that it is ready.
    case subjectNotReady(MemberID)
}

/// What an action makes of members and rules, from the height after the version that carries it.
public struct ActionOutcome: Hashable, Sendable {
    public let members: MemberSet
    public let rules: Rules
}

extension Chain {
    /// What `action` would do in the next version: everything about it but its signatures.
    public func outcome(of action: GovernanceAction) throws(ActionFault) -> ActionOutcome {
        guard nextHeight >= action.first else { throw .tooEarly(first: action.first) }
        guard nextHeight <= action.last else { throw .expired(last: action.last) }
        let last = governance.sequences[action.change.subject]
        if let last, action.sequence <= last { throw .usedSequence(action.sequence, last: last) }
        guard action.sequence - (last ?? 0) <= Limits.sequenceStep else {
            throw .distantSequence(action.sequence, last: last ?? 0)
        }
        switch action.change {
        case .admit(let member): return try checked(try admitting(member), rules)
        case .remove(let id): return try checked(try removing(id, sequence: action.sequence), rules)
        case .rotate(let member): return try checked(try rotating(member), rules)
        case .rules(let rules):
            guard rules != self.rules else { throw .unchangedRules }
            guard rules.innerOptimizer.isShared == self.rules.innerOptimizer.isShared else {
                throw .rules(.optimizerOfAnotherKind(self.rules.innerOptimizer, rules.innerOptimizer))
            }
            return try checked(members, rules)
        case .revert(let exclusion, let from):
            try checkRevert(action, exclusion, from)
            return ActionOutcome(members: members, rules: rules)
        case .switchToReplay: throw .notProposable
        }
    }

    private func checked(_ members: MemberSet, _ rules: Rules) throws(ActionFault) -> ActionOutcome {
        if let fault = rules.fault(memberCount: members.count) { throw .rules(fault) }
        return ActionOutcome(members: members, rules: rules)
    }

    private func admitting(_ member: Member) throws(ActionFault) -> MemberSet {
        guard members[member.id] == nil else { throw .alreadyMember(member.id) }
        guard !members.tombstones.contains(where: { $0.id == member.id }) else { throw .formerMember(member.id) }
        guard members.count < Limits.members else { throw .tooManyMembers }
        return try set(members.members + [member], members.tombstones, about: member.id)
    }

    private func removing(_ id: MemberID, sequence: UInt64) throws(ActionFault) -> MemberSet {
        guard let member = members[id] else { throw .notMember(id) }
        guard members.count > 1 else { throw .lastMember }
        guard members.tombstones.count < Limits.tombstones else { throw .tooManyMembers }
        let tombstone = Tombstone(id: id, lastKeyEpoch: member.keyEpoch, lastSequence: sequence)
        return try set(members.members.filter { $0.id != id }, members.tombstones + [tombstone], about: id)
    }

    private func rotating(_ member: Member) throws(ActionFault) -> MemberSet {
        guard let current = members[member.id] else { throw .notMember(member.id) }
        guard current.keyEpoch < UInt32.max, member.keyEpoch == current.keyEpoch + 1, member.name == current.name,
            member.nodeKey != current.nodeKey
        else { throw .wrongRotation(member.id, keyEpoch: member.keyEpoch) }
        return try set(
            members.members.map { $0.id == member.id ? member : $0 }, members.tombstones, about: member.id)
    }

    private func set(_ members: [Member], _ tombstones: [Tombstone], about id: MemberID) throws(ActionFault)
        -> MemberSet
    {
        do throws(RecordError) {
            return try MemberSet(members: members, tombstones: tombstones)
        } catch {
            throw .takenIdentity(id)
        }
    }

    private func checkRevert(
        _ action: GovernanceAction, _ exclusion: Exclusion, _ from: Height
    ) throws(ActionFault) {
        let oldest = oldestRevertable
        guard from >= oldest, from <= height else { throw .outsideRetention(from: from, oldest: oldest) }
        guard governance.reverts.count < Limits.reverts else { throw .tooManyReverts }
        let isRepeated = governance.reverts.contains { $0.exclusion == exclusion && $0.from <= from }
        guard !isRepeated else { throw .repeatedExclusion }
        // What an earlier revert took out may have to be left out again, from where it began: that must be here too.
        let after = governance.reverting(action, at: nextHeight, rules: rules, members: members.count)
        if let first = after.replayFrom, first < oldest { throw .outsideRetention(from: first, oldest: oldest) }
    }

    /// Whether enough operators signed, each with its current key, and nobody's signature is wrong.
    public func checkOperators(_ signed: SignedGovernanceAction, verifier: Verifier) throws(ActionFault) {
        for signature in signed.operators where !isSigned(signed.action, by: signature, verifier: verifier) {
            throw .foreignSignature(signature.signer)
        }
        let needed = rules.operatorsNeeded(memberCount: members.count)
        guard signed.operators.count >= needed else {
            throw .tooFewOperators(signed: signed.operators.count, needed: needed)
        }
        try checkPossession(signed, verifier)
    }

    /// Whether this is the signature of a member's current operator key over the action.
    public func isSigned(
        _ action: GovernanceAction, by signature: OperatorSignature, verifier: Verifier
    ) -> Bool {
        guard let member = members[signature.signer], member.keyEpoch == signature.keyEpoch else { return false }
        return verifier.isSigned(signature.signature, over: action, by: member.operatorKey, network: network)
    }

    /// New keys are signed for by their owner: with the new node key, and for a rotation with the present operator key.
    private func checkPossession(_ signed: SignedGovernanceAction, _ verifier: Verifier) throws(ActionFault) {
        let owner: Member
        switch signed.action.change {
        case .admit(let member): owner = member
        case .rotate(let member):
            owner = member
            guard signed.operators.contains(where: { $0.signer == member.id }) else {
                throw .unsignedByOwner(member.id)
            }
        case .remove, .rules, .revert, .switchToReplay:
            guard signed.possession == nil else { throw .wrongPossession }
            return
        }
        guard let possession = signed.possession,
            verifier.isSigned(possession, over: signed.action, by: owner.nodeKey, network: network)
        else { throw .wrongPossession }
    }

    /// Whether the next version may carry the action: window, number, effect, operators, readiness.
    ///
    /// - Returns: what it makes of members and rules.
    @discardableResult
    public func check(_ complete: CompleteAction, verifier: Verifier) throws(ActionFault) -> ActionOutcome {
        let action = complete.action
        let outcome = try outcome(of: action)
        try checkOperators(complete.signed, verifier: verifier)
        guard action.change.changesMembers else {
            guard complete.readiness == nil else { throw .notReady }
            return outcome
        }
        let readiness = Readiness(action: action.digest, members: outcome.members.digest)
        guard let signatures = complete.readiness,
            signatures.isQuorum(over: readiness, members: outcome.members, network: network, verifier: verifier)
        else { throw .notReady }
        if case .admit(let member) = action.change {
            guard let index = outcome.members.index(of: member.id), signatures.signers.contains(index) else {
                throw .subjectNotReady(member.id)
            }
        }
        return outcome
    }

    /// The action that a version carries in which a replayed state takes over.
    public func switchAction(to roots: StateRoots) -> GovernanceAction {
        GovernanceAction(
            change: .switchToReplay(exclusions: governance.exclusionsDigest, parent: headDigest, roots: roots),
            sequence: nextHeight.value, first: nextHeight, last: nextHeight)
    }

    /// The replayed roots that a payload on these ready records must switch to: where a revert is pending and all of
    /// them name the same. Nil otherwise.
    public func rootsToSwitch(by ready: [Ready]) -> StateRoots? {
        guard !governance.pendingReverts.isEmpty, let roots = ready.first?.replayed,
            ready.allSatisfy({ $0.replayed == roots })
        else { return nil }
        return roots
    }

    /// The action that a payload on these ready records must carry: of those that at least f + 1 of them name, the one
    /// with the lowest digest. An honest member names only what is complete and valid on the head.
    public func actionToCarry(by ready: [Ready]) -> Digest? {
        var counts: [Digest: Int] = [:]
        for record in ready { for action in record.actions { counts[action, default: 0] += 1 } }
        return counts.filter { $0.value >= members.faultBound + 1 }.keys.min()
    }
}
