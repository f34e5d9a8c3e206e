import Crypto
import Ledger

/// Why an action or a review of this site's operator is not taken.
public enum GovernanceRefusal: Error, Hashable, Sendable {
    /// What the chain has against it.
    case fault(ActionFault)
    /// It carries no signature of a present operator.
    case unsigned
    /// The operator has so many pending already: one must be withdrawn, or end at its last height.
    case tooManyPending(MemberID)
    /// The operator took its signature back from this action, or rejected it.
    case judged(MemberID)
    /// An operator can take back only what it signed.
    case notSigned(MemberID)
    /// The slot's base is none any more, its author was no member, or it is listed.
    case slotClosed
    /// This operator has said something about the slot before.
    case alreadyReviewed
}

extension GovernanceRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fault(let fault): fault.description
        case .unsigned: "no operator of a present member signed it"
        case .tooManyPending(let member): "the operator of \(member.short) has too many pending actions"
        case .judged(let member): "the operator of \(member.short) withdrew or rejected it before"
        case .notSigned(let member): "the operator of \(member.short) has not signed it"
        case .slotClosed: "the contribution can no longer be listed"
        case .alreadyReviewed: "this operator reviewed it before"
        }
    }
}

extension Node {
    /// Why `govern` would refuse the action on the present head; nil where it would take it.
    public func refusal(of signed: SignedGovernanceAction) -> GovernanceRefusal? {
        do throws(ActionFault) {
            _ = try chain.outcome(of: signed.action)
        } catch {
            guard case .tooEarly = error else { return .fault(error) }
        }
        guard !signed.operators.isEmpty else { return .unsigned }
        for signature in signed.operators where !chain.isSigned(signed.action, by: signature, verifier: verifier) {
            return .fault(.foreignSignature(signature.signer))
        }
        guard isPossessionSound(signed) else { return .fault(.wrongPossession) }
        let pending = governance[signed.action.digest]
        let judged = signed.operators.filter { pending?.verdicts[$0.signer] != nil }
        if judged.count == signed.operators.count { return .judged(judged[0].signer) }
        var extended = pending ?? PendingAction(signed.action, digest: signed.action.digest, on: chain)
        let fresh = signed.operators.filter { extended.operators[$0.signer] == nil }
        for signature in fresh { extended.operators[signature.signer] = signature }
        guard let first = fresh.first, !governance.hasPlace(for: extended, on: chain) else { return nil }
        return .tooManyPending(first.signer)
    }

    /// An action that this site's operator signed, or whose signatures it brings: merged with what is known of it.
    func govern(_ signed: SignedGovernanceAction) {
        if let refusal = refusal(of: signed) {
            emit(.proposalRefused(signed.action.digest, refusal))
        } else {
            merge(signed, from: nil)
        }
    }

    /// From a peer. What a lagging or leading peer may hold in good faith is passed over; a false signature by a key that
    /// both sides know is the sender's own doing, for every honest member checks what it passes on.
    func received(_ signed: SignedGovernanceAction, from link: LinkID) {
        guard let news = signaturesToCheck(signed) else { return }
        guard isPossessionSound(signed),
            news.fresh.allSatisfy({ chain.isSigned(signed.action, by: $0, verifier: verifier) })
        else {
            cutOff(link, .invalidSignature)
            return
        }
        merge(
            SignedGovernanceAction(
                action: signed.action, operators: news.fresh,
                possession: news.bringsPossession ? signed.possession : nil),
            from: link)
    }

    /// What a peer's action brings that this node would take if it is valid; nil if nothing: what could not be taken costs
    /// no check.
    func signaturesToCheck(
        _ signed: SignedGovernanceAction
    ) -> (fresh: [OperatorSignature], bringsPossession: Bool)? {
        let digest = signed.action.digest
        let known = governance[digest]
        let claimed = signed.operators.filter { signature in
            chain.members[signature.signer]?.keyEpoch == signature.keyEpoch
                && (known?.verdicts[signature.signer] == nil || isNamed(digest))
        }
        if known == nil {
            let effect = PendingAction(signed.action, digest: digest, on: chain)
            guard !claimed.isEmpty, !(effect.fault?.isLasting ?? false) else { return nil }
        }
        let fresh = claimed.filter {
            known?.operators[$0.signer] == nil && governance.hasSignatureLeft($0.signer, under: signed.action)
        }
        guard known != nil || !fresh.isEmpty else { return nil }
        let bringsPossession = known?.possession == nil && signed.possession != nil
        return fresh.isEmpty && !bringsPossession ? nil : (fresh, bringsPossession)
    }

    /// Whether the signature of new keys, where there is one, is theirs. One where no key is new proves nothing.
    private func isPossessionSound(_ signed: SignedGovernanceAction) -> Bool {
        guard let possession = signed.possession else { return true }
        switch signed.action.change {
        case .admit(let member), .rotate(let member):
            return verifier.isSigned(
                possession, over: signed.action, by: member.nodeKey, network: chain.network)
        case .remove, .rules, .revert, .switchToReplay: return false
        }
    }

    /// Takes checked signatures; what is new is made durable and passed on.
    private func merge(_ signed: SignedGovernanceAction, from link: LinkID?) {
        let digest = signed.action.digest
        let isNew = governance[digest] == nil
        var pending = governance[digest] ?? PendingAction(signed.action, digest: digest, on: chain)
        let fresh = signed.operators.filter { signature in
            pending.operators[signature.signer] == nil
                && governance.takeSignature(of: signature.signer, under: signed.action)
        }
        let possession = pending.possession == nil && (!fresh.isEmpty || !isNew) ? signed.possession : nil
        guard !fresh.isEmpty || possession != nil else { return }
        for signature in fresh { pending.operators[signature.signer] = signature }
        pending.possession = pending.possession ?? possession
        governance.put(pending)
        dropBeyondBudgets(except: isNew ? digest : nil)
        guard governance[digest] != nil else { return }
        let delta = SignedGovernanceAction(action: signed.action, operators: fresh, possession: possession)
        persist([.action(PendingRecord(height: chain.nextHeight, body: CompleteAction(signed: delta)))], then: [])
        send(.action(delta), to: .onward(from: link))
        emit(.proposalKnown(signed.action, operators: pending.operators.keys.sorted()))
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    /// From the journal: what the present set still knows of it.
    func restore(_ held: PendingRecord<CompleteAction>) {
        let action = held.body.action
        let digest = action.digest
        var pending = governance[digest] ?? PendingAction(action, digest: digest, on: chain)
        guard !(pending.fault?.isLasting ?? false) else { return }
        for signature in held.body.signed.operators
        where chain.members[signature.signer]?.keyEpoch == signature.keyEpoch {
            pending.operators[signature.signer] = signature
        }
        guard !pending.operators.isEmpty else { return }
        pending.possession = pending.possession ?? held.body.signed.possession
        if let readiness = held.body.readiness { restore(readiness, of: &pending) }
        governance.put(pending)
    }

    private func restore(_ readiness: QuorumSignatures, of pending: inout PendingAction) {
        guard let statement = pending.readinessStatement, let members = pending.resultingMembers,
            readiness.fits(members)
        else { return }
        for (index, signature) in readiness.byIndex {
            let signed = Signed(signer: members.members[index].id, body: statement, signature: signature)
            if signed.isValid(in: members, network: chain.network, verifier: verifier) {
                pending.readiness[index] = signature
            }
        }
    }

    /// Actions that this node may name, by ascending digest.
    var completeActions: [CompleteAction] {
        governance.digests.compactMap { governance[$0]?.nameable(on: chain) }.filter(Wire.fits)
    }

    /// Whether a ready record of the height names the action: then a version may have to carry it, whoever takes a
    /// signature back now.
    private func isNamed(_ digest: Digest) -> Bool {
        height.readyObjects.values.contains { $0.body.actions.contains(digest) }
    }

    /// - Parameter new: what was just put there, and is not missed.
    func dropBeyondBudgets(except new: Digest?) {
        for dropped in governance.enforceBudgets(on: chain) where dropped != new { emit(.proposalDropped(dropped)) }
    }

    /// After an adoption: what the new head ended goes, the rest is written again, since the journal forgets what lies
    /// below the head.
    func carryGovernanceOver(_ carried: CompleteAction?) {
        let before = governance.actions
        let ended = governance.carryOver(to: chain)
        if let carried {
            emit(.actionTaken(carried.action, chain.height))
            let verdicts = before[carried.action.digest]?.verdicts ?? [:]
            emit(.proposalEnded(EndedProposal(carried.signed, verdicts, .taken, chain.height)))
        }
        for digest in ended where digest != carried?.action.digest {
            emit(.proposalDropped(digest))
            // What verdicts closed was told of then.
            guard let pending = before[digest], !pending.isClosed(on: chain) else { continue }
            emit(.proposalEnded(EndedProposal(pending.signed, pending.verdicts, .ended, chain.height)))
        }
        governance.pruneReviews(on: chain)
        let entries = governance.digests.compactMap { governance[$0] }.flatMap { pending in
            let verdicts = pending.verdicts.keys.sorted().compactMap { pending.verdicts[$0] }.map {
                JournalEntry.verdict(
                    PendingRecord(height: chain.nextHeight, body: JudgedProposal(action: pending.action, verdict: $0)))
            }
            guard !pending.operators.isEmpty else { return verdicts }
            return [JournalEntry.action(PendingRecord(height: chain.nextHeight, body: pending.held))] + verdicts
        }
        if !entries.isEmpty { persist(entries, then: []) }
    }

    /// For a peer that lacks an action that ready records name.
    func answer(proposal digest: Digest, on link: LinkID) {
        guard let pending = governance[digest] else { return }
        sendSignatures(pending.signed.operators, pending.possession, of: pending.action, to: link)
        if let statement = pending.readinessStatement, let readiness = pending.held.readiness {
            send(.readiness(statement, readiness), to: link)
        }
    }
}
