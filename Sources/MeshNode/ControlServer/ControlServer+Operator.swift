import Control
import Crypto
import Gossip
import Ledger

extension ControlServer {
    var chain: Chain { driver.node.chain }

    func answerOperator(_ request: ControlRequest, _ connection: ControlConnection) {
        switch request.call {
        case .status: connection.answer(request.id, to: StatusRequest.self, status)
        case .peers: connection.answer(request.id, to: PeersRequest.self, PeersResponse(peers: peers))
        case .members: connection.answer(request.id, to: MembersRequest.self, members)
        case .rules: connection.answer(request.id, to: RulesRequest.self, rules)
        case .doctor: connection.answer(request.id, to: DoctorRequest.self, DoctorResponse(checks: checks))
        case .versions(let parameters): answerVersions(request.id, parameters, connection)
        case .version(let parameters): answerVersion(request.id, parameters, connection)
        case .contributions(let parameters): answerContributions(request.id, parameters, connection)
        case .rounds(let parameters): answerRounds(request.id, parameters, connection)
        case .ledgerExportBegin(let parameters): export(request.id, parameters, connection)
        case .parametersExportBegin(let parameters): exportParameters(request.id, parameters, connection)
        case .governance(let parameters): answerGovernance(request.id, parameters, connection)
        case .proposalSubmit(let parameters): answerProposalSubmit(request.id, parameters, connection)
        case .proposals(let parameters): answerProposals(request.id, parameters, connection)
        case .proposal(let parameters): answerProposal(request.id, parameters, connection)
        case .reviewSubmit(let parameters): answerReviewSubmit(request.id, parameters, connection)
        case .reviews(let parameters): answerReviews(request.id, parameters, connection)
        case .contributionExportBegin(let parameters): exportContribution(request.id, parameters, connection)
        case .invitation(let parameters): answerInvitation(request.id, parameters, connection)
        case .invite(let parameters): answerInvite(request.id, parameters, connection)
        case .inviteWithdraw(let parameters): answerInviteWithdraw(request.id, parameters, connection)
        case .evidence(let parameters): answerEvidence(request.id, parameters, connection)
        case .evidenceExportBegin: exportEvidence(request.id, connection)
        case .proposalJudge(let parameters): answerProposalJudge(request.id, parameters, connection)
        case .proposalHistory(let parameters): answerProposalHistory(request.id, parameters, connection)
        case .dataSets(let parameters): answerDataSets(request.id, parameters, connection)
        case .contributionsFind(let parameters): answerContributionsFind(request.id, parameters, connection)
        case .revertPreview(let parameters): answerRevertPreview(request.id, parameters, connection)
        case .trainerAttach, .trainerBase, .trainerContributeBegin, .trainerContributeCommit,
            .trainerContributeAbort, .trainerTrouble:
            preconditionFailure("a trainer's request is dealt with elsewhere")
        }
    }

    /// Straight from the record that is signed, so that no rule can be left out here.
    private var rules: RulesResponse {
        var entries: [Rule] = []
        if case .map(let fields) = chain.rules.cbor {
            entries = fields.map { Rule(name: $0.key, value: ControlServer.describe($0.value)) }
        }
        return RulesResponse(
            height: Int64(chain.nextHeight.value), rules: text(chain.rules.digest),
            entries: entries.sorted { $0.name < $1.name })
    }

    private static func describe(_ value: CBOR) -> String {
        switch value {
        case .unsigned(let number): String(number)
        case .text(let text): text
        case .boolean(let value): String(value)
        case .bytes(let bytes): Hex.encode(bytes)
        case .null: "none"
        case .array(let items): items.map { describe($0) }.joined(separator: " ")
        case .map(let entries):
            // As `meshctl propose rules` takes it.
            (try? Encoding(cbor: value)).map(\.description)
                ?? entries.map { "\($0.key) \(describe($0.value))" }.joined(separator: ", ")
        }
    }
}
