import Crypto
import Ledger

/// An action that no version carries yet, with what was collected for it. Every signature here was checked, against the
/// sets that the present head gives.
struct PendingAction {
    let action: GovernanceAction
    let digest: Digest
    /// One per operator of the present set, with its current key. The signature of an operator that took it back stays:
    /// where ready records name the action already, a version must carry it.
    var operators: [MemberID: OperatorSignature] = [:]
    /// Operators of the present set that took their signature back, or reject the action.
    var verdicts: [MemberID: SignedProposalVerdict] = [:]
    var possession: Signature?
    /// What the action would do on the present head, or why it would do nothing.
    var effect: Result<ActionOutcome, ActionFault>
    /// What members of the resulting set sign; nil where there is none.
    private(set) var readinessStatement: Readiness?
    /// By index in the resulting set.
    var readiness: [Int: Signature] = [:]
    /// Whether it was told that everything is here.
    var isAnnouncedComplete = false

    init(_ action: GovernanceAction, digest: Digest, on chain: Chain) {
        self.action = action
        self.digest = digest
        effect = PendingAction.effect(of: action, on: chain)
        readinessStatement = resultingMembers.map { Readiness(action: digest, members: $0.digest) }
    }

    private static func effect(of action: GovernanceAction, on chain: Chain) -> Result<ActionOutcome, ActionFault> {
        do throws(ActionFault) {
            return .success(try chain.outcome(of: action))
        } catch {
            return .failure(error)
        }
    }

    var fault: ActionFault? {
        if case .failure(let fault) = effect { fault } else { nil }
    }

    /// The member that the action gives new keys, and which signs with the new node key that it has them.
    var owner: Member? {
        switch action.change {
        case .admit(let member), .rotate(let member): member
        case .remove, .rules, .revert, .switchToReplay: nil
        }
    }

    /// The set that it gives; nil where it changes none or would do nothing.
    var resultingMembers: MemberSet? {
        guard action.change.changesMembers, case .success(let outcome) = effect else { return nil }
        return outcome.members
    }

    /// By ascending signer.
    var signatures: [OperatorSignature] { operators.values.sorted { $0.signer < $1.signer } }

    /// Operators whose signature counts for this node, ascending.
    var supporters: [MemberID] { operators.keys.filter { verdicts[$0] == nil }.sorted() }

    /// Whether the action can never have enough supporters: it takes no place, and no ready record of this node
    /// names it.
    func isClosed(on chain: Chain) -> Bool {
        guard !verdicts.isEmpty else { return false }
        if case .rotate(let member) = action.change, verdicts[member.id] != nil { return true }
        let needed = chain.rules.operatorsNeeded(memberCount: chain.members.count)
        return supporters.isEmpty || chain.members.count - verdicts.count < needed
    }

    /// How it was closed.
    var closing: ProposalEnd { verdicts.values.contains { $0.statement.verdict == .reject } ? .rejected : .withdrawn }

    /// Whether enough operators support it for this node to say that it is ready, or to name it.
    func isSupported(on chain: Chain) -> Bool {
        guard isSigned(on: chain) else { return false }
        guard !verdicts.isEmpty else { return true }
        return !isClosed(on: chain)
            && supporters.count >= chain.rules.operatorsNeeded(memberCount: chain.members.count)
    }

    /// What a ready record of this node may name; nil while something is missing.
    func nameable(on chain: Chain) -> CompleteAction? { isSupported(on: chain) ? complete(on: chain) : nil }

    /// Whether enough operators signed, the owner among them where its keys rotate, and new keys are proven.
    func isSigned(on chain: Chain) -> Bool {
        guard operators.count >= chain.rules.operatorsNeeded(memberCount: chain.members.count) else { return false }
        if case .rotate(let member) = action.change, operators[member.id] == nil { return false }
        return owner == nil || possession != nil
    }

    /// What a version can carry; nil while something is missing. Signatures that were taken back count: the ledger knows
    /// no verdicts, and what f + 1 ready records name must be carried.
    func complete(on chain: Chain) -> CompleteAction? {
        guard fault == nil, isSigned(on: chain) else { return nil }
        guard let members = resultingMembers else { return CompleteAction(signed: signed) }
        guard readiness.count >= members.quorum else { return nil }
        if case .admit(let member) = action.change {
            guard let index = members.index(of: member.id), readiness[index] != nil else { return nil }
        }
        return held
    }

    var signed: SignedGovernanceAction {
        SignedGovernanceAction(action: action, operators: signatures, possession: possession)
    }

    /// As the journal keeps it: with the readiness so far, a quorum or not.
    var held: CompleteAction {
        guard !readiness.isEmpty, let members = resultingMembers else { return CompleteAction(signed: signed) }
        return CompleteAction(signed: signed, readiness: QuorumSignatures(readiness, memberCount: members.count))
    }

    /// The same on a new head: signatures by retired keys go, and readiness for a set that it does not give any more.
    func carried(over chain: Chain) -> PendingAction? {
        var next = PendingAction(action, digest: digest, on: chain)
        if let fault = next.fault, fault.isLasting { return nil }
        next.operators = operators.filter { chain.members[$0.key]?.keyEpoch == $0.value.keyEpoch }
        next.verdicts = verdicts.filter { chain.members[$0.key]?.keyEpoch == $0.value.signature.keyEpoch }
        guard !next.operators.isEmpty || !next.verdicts.isEmpty else { return nil }
        next.possession = possession
        if next.readinessStatement == readinessStatement {
            next.readiness = readiness
            next.isAnnouncedComplete = isAnnouncedComplete
        }
        return next
    }
}

extension GovernanceAction {
    /// Whether the action gives the operator's own site new keys: such an action has places of its own.
    func isRotation(of signer: MemberID) -> Bool {
        if case .rotate(let member) = change { member.id == signer } else { false }
    }
}

extension ActionFault {
    /// Whether no later head can mend it: such an action is not kept.
    var isLasting: Bool {
        switch self {
        case .expired, .usedSequence, .formerMember, .alreadyMember, .notMember, .notProposable, .repeatedExclusion,
            .tooManyReverts:
            true
        case .outsideRetention(let from, let oldest): from < oldest
        default: false
        }
    }
}
