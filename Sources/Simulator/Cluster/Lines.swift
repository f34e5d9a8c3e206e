import Gossip
import Ledger

extension Notice {
    /// For a trace that a person reads.
    var line: String {
        switch self {
        case .contributionReceived(let contribution): "has \(contribution.contributionDigest.short)"
        case .contributionRefused(let digest, _, let refusal): "refuses \(digest.short): \(refusal)"
        case .contributionHeld(let contribution): "holds \(contribution.contributionDigest.short)"
        case .contributionAvailable(let contribution): "sees \(contribution.contributionDigest.short) available"
        case .readySigned(let height, let slots): "is ready for \(height) with \(slots) slots"
        case .roundCloses(let height, let deadline): "will close the round of \(height) at \(deadline.milliseconds) ms"
        case .roundClosed(let height): "sees the round of \(height) closed"
        case .quorumReady(let height): "sees a quorum ready for \(height)"
        case .certified(let height, let view): "sees \(height) certified in view \(view)"
        case .viewEntered(let height, let view): "enters \(height)/\(view)"
        case .proposed(let height, let view, let digest): "proposes \(height)/\(view) \(digest.short)"
        case .payloadRefused(let view, let payload, _, let fault):
            "refuses \(payload.version.versionDigest.short) in \(payload.version.height)/\(view): \(fault)"
        case .rootMismatch(let height, _, _): "computes other roots for \(height)"
        case .adopted(let certified, let replayed):
            "adopts \(certified.height) \(certified.version.versionDigest.short)\(replayed ? " by replay" : "")"
        case .ownContributionLeftOut(let digest): "takes \(digest.short) back into the residual"
        case .replayFinished(let height): "has replayed through \(height)"
        case .storageShort(let free, let reserve, let dropped):
            "has \(free) bytes free, keeps \(reserve): gives the pieces of \(dropped) payloads back"
        case .storageRecovered(let free): "has \(free) bytes free again"
        case .linkCutOff(let member, let reason): "cuts off \(member.short): \(reason)"
        case .proposalKnown(let action, let operators): "knows action \(action.digest.short) by \(operators.count)"
        case .proposalComplete(let action): "sees action \(action.digest.short) complete"
        case .proposalRefused(let digest, let refusal): "refuses action \(digest.short): \(refusal)"
        case .proposalDropped(let digest): "drops action \(digest.short)"
        case .proposalJudged(let judged):
            "knows that \(judged.verdict.signer.short): \(judged.verdict.statement.verdict.rawValue) \(judged.action.digest.short)"
        case .verdictRefused(let judged, let refusal):
            "refuses a verdict on action \(judged.action.digest.short): \(refusal)"
        case .proposalEnded(let ended): "sees action \(ended.signed.action.digest.short) \(ended.end.rawValue)"
        case .actionTaken(let action, let height): "sees action \(action.digest.short) taken at \(height)"
        case .reviewKnown(let review): "knows a review of \(review.statement.contribution.short)"
        case .reviewRefused(let review, let refusal):
            "refuses a review of \(review.statement.contribution.short): \(refusal)"
        case .removed(let height): "is removed at \(height)"
        case .mayLeave(let height): "may leave after \(height)"
        case .journalLost(let loss): "takes its journal for lost: \(loss)"
        case .abstaining(let height): "signs nothing up to \(height)"
        case .alarm(let alarm): "raises an alarm: \(alarm)"
        case .headerSynced(let height): "has synced headers to \(height)"
        case .fetchingParameters(let height): "fetches the parameters of \(height)"
        case .synchronised(let version): "has the parameters of \(version.height)"
        case .evidence(let found): "holds evidence against \(found.accused.short): \(found.kind.rawValue)"
        }
    }
}

extension RecordScan {
    /// For a trace that a person reads.
    func summary(byteCount: Int) -> String {
        var parts = statements.map(\.claim.description)
        parts += certificates.map {
            "certificate \($0.vote.kind.rawValue) \($0.vote.height)/\($0.vote.view) \($0.vote.version.short)"
        }
        parts += availability.map { "available \($0.vote.contribution.short)" }
        return parts.isEmpty ? "\(byteCount) bytes" : parts.joined(separator: "; ")
    }
}
