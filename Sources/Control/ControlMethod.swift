/// The parameters of one method. Its stored properties are the fields of its schema.
public protocol ControlMethod: Codable, Hashable, Sendable {
    /// What the daemon answers.
    associatedtype Response: Codable & Hashable & Sendable

    static var schema: MethodSchema { get }
}

/// A request that the daemon got: checked against the schema.
public enum ControlCall: Hashable, Sendable {
    case trainerAttach(TrainerAttach)
    case trainerBase(TrainerBase)
    case trainerContributeBegin(TrainerContributeBegin)
    case trainerContributeCommit(TrainerContributeCommit)
    case trainerContributeAbort(TrainerContributeAbort)
    case trainerTrouble(TrainerTroubleReport)
    case status
    case peers
    case members
    case rules
    case versions(VersionsRequest)
    case version(VersionRequest)
    case contributions(ContributionsRequest)
    case rounds(RoundsRequest)
    case ledgerExportBegin(LedgerExportBegin)
    case parametersExportBegin(ParametersExportBegin)
    case doctor
    case governance(GovernanceRequest)
    case proposalSubmit(ProposalSubmit)
    case proposals(ProposalsRequest)
    case proposal(ProposalRequest)
    case reviewSubmit(ReviewSubmit)
    case reviews(ReviewsRequest)
    case contributionExportBegin(ContributionExportBegin)
    case invitation(InvitationRequest)
    case invite(Invite)
    case inviteWithdraw(InviteWithdraw)
    case evidence(EvidenceRequest)
    case evidenceExportBegin
    case revertPreview(RevertPreviewRequest)
    case proposalJudge(ProposalJudge)
    case proposalHistory(ProposalHistoryRequest)
    case dataSets(DataSetsRequest)
    case contributionsFind(ContributionsFind)

    /// The call behind a method whose parameters were checked; nil for one that is not sent toward the daemon.
    init?(method: String, decode: JSONParameters) throws(ControlError) {
        switch method {
        case TrainerAttach.schema.name: self = .trainerAttach(try decode.decoded())
        case TrainerBase.schema.name: self = .trainerBase(try decode.decoded())
        case TrainerContributeBegin.schema.name: self = .trainerContributeBegin(try decode.decoded())
        case TrainerContributeCommit.schema.name: self = .trainerContributeCommit(try decode.decoded())
        case TrainerContributeAbort.schema.name: self = .trainerContributeAbort(try decode.decoded())
        case TrainerTroubleReport.schema.name: self = .trainerTrouble(try decode.decoded())
        case StatusRequest.schema.name: self = .status
        case PeersRequest.schema.name: self = .peers
        case MembersRequest.schema.name: self = .members
        case RulesRequest.schema.name: self = .rules
        case VersionsRequest.schema.name: self = .versions(try decode.decoded())
        case VersionRequest.schema.name: self = .version(try decode.decoded())
        case ContributionsRequest.schema.name: self = .contributions(try decode.decoded())
        case RoundsRequest.schema.name: self = .rounds(try decode.decoded())
        case LedgerExportBegin.schema.name: self = .ledgerExportBegin(try decode.decoded())
        case ParametersExportBegin.schema.name: self = .parametersExportBegin(try decode.decoded())
        case DoctorRequest.schema.name: self = .doctor
        case GovernanceRequest.schema.name: self = .governance(try decode.decoded())
        case ProposalSubmit.schema.name: self = .proposalSubmit(try decode.decoded())
        case ProposalsRequest.schema.name: self = .proposals(try decode.decoded())
        case ProposalRequest.schema.name: self = .proposal(try decode.decoded())
        case ReviewSubmit.schema.name: self = .reviewSubmit(try decode.decoded())
        case ReviewsRequest.schema.name: self = .reviews(try decode.decoded())
        case ContributionExportBegin.schema.name: self = .contributionExportBegin(try decode.decoded())
        case InvitationRequest.schema.name: self = .invitation(try decode.decoded())
        case Invite.schema.name: self = .invite(try decode.decoded())
        case InviteWithdraw.schema.name: self = .inviteWithdraw(try decode.decoded())
        case EvidenceRequest.schema.name: self = .evidence(try decode.decoded())
        case EvidenceExportBegin.schema.name: self = .evidenceExportBegin
        case RevertPreviewRequest.schema.name: self = .revertPreview(try decode.decoded())
        case ProposalJudge.schema.name: self = .proposalJudge(try decode.decoded())
        case ProposalHistoryRequest.schema.name: self = .proposalHistory(try decode.decoded())
        case DataSetsRequest.schema.name: self = .dataSets(try decode.decoded())
        case ContributionsFind.schema.name: self = .contributionsFind(try decode.decoded())
        default: return nil
        }
    }
}
