import Crypto
import Ledger

/// What operators say against pending actions. A verdict changes what honest members name in ready records; it changes
/// nothing about what is valid: the ledger knows no verdicts.
extension Node {
    /// Why `judge` would refuse the verdict on the present head; nil where it would take it.
    public func refusal(of judged: JudgedProposal) -> GovernanceRefusal? {
        let signer = judged.verdict.signer
        if let fault = PendingAction(judged.action, digest: judged.action.digest, on: chain).fault, fault.isLasting {
            return .fault(fault)
        }
        guard judged.verdict.isValid(in: chain.members, network: chain.network, verifier: verifier) else {
            return .fault(.foreignSignature(signer))
        }
        let pending = governance[judged.action.digest]
        if pending?.verdicts[signer] != nil { return .judged(signer) }
        if judged.verdict.statement.verdict == .withdraw, pending?.operators[signer] == nil {
            return .notSigned(signer)
        }
        return nil
    }

    /// A verdict of this site's operator.
    func judge(_ judged: JudgedProposal) {
        if let refusal = refusal(of: judged) {
            emit(.verdictRefused(judged, refusal))
        } else {
            take(judged, from: nil)
        }
    }

    /// From a peer. A withdrawal counts before the signature that it takes back is here.
    func received(_ judged: JudgedProposal, from link: LinkID) {
        guard isWorthChecking(judged) else { return }
        guard judged.verdict.isValid(in: chain.members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        take(judged, from: link)
    }

    /// Whether this node would take the verdict if its signature is valid.
    func isWorthChecking(_ judged: JudgedProposal) -> Bool {
        let (digest, signer) = (judged.action.digest, judged.verdict.signer)
        return chain.members[signer]?.keyEpoch == judged.verdict.signature.keyEpoch
            && governance[digest]?.verdicts[signer] == nil && governance.hasVerdictLeft(signer)
            && !(PendingAction(judged.action, digest: digest, on: chain).fault?.isLasting ?? false)
    }

    private func take(_ judged: JudgedProposal, from link: LinkID?) {
        let (digest, signer) = (judged.action.digest, judged.verdict.signer)
        guard governance.takeVerdict(of: signer) else { return }
        let isNew = governance[digest] == nil
        var pending = governance[digest] ?? PendingAction(judged.action, digest: digest, on: chain)
        let wasClosed = pending.isClosed(on: chain)
        pending.verdicts[signer] = judged.verdict
        governance.put(pending)
        dropBeyondBudgets(except: isNew ? digest : nil)
        guard governance[digest] != nil else { return }
        persist([.verdict(PendingRecord(height: chain.nextHeight, body: judged))], then: [])
        send(.verdict(judged), to: .onward(from: link))
        emit(.proposalJudged(judged))
        if !wasClosed, pending.isClosed(on: chain) {
            emit(.proposalEnded(EndedProposal(pending.signed, pending.verdicts, pending.closing, chain.height)))
        }
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    /// From the journal: what the present set still knows of it.
    func restore(_ held: PendingRecord<JudgedProposal>) {
        let (action, verdict) = (held.body.action, held.body.verdict)
        var pending = governance[action.digest] ?? PendingAction(action, digest: action.digest, on: chain)
        guard !(pending.fault?.isLasting ?? false),
            chain.members[verdict.signer]?.keyEpoch == verdict.signature.keyEpoch
        else { return }
        pending.verdicts[verdict.signer] = verdict
        governance.put(pending)
    }
}
