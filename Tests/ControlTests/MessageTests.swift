import Testing

@testable import Control

@Suite struct MessageTests {
    private let digest = DigestText(Samples.digest)

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func aCommitIsWrittenAndReadBack() throws {
        let digest = try #require(digest)
        let commit = TrainerContributeCommit(
            transfer: 3, steps: 30, tokens: 245_760, loss: 1.25, datasets: [digest])
        let bytes = try ControlMessage.request(id: 12, commit)
        #expect(
            text(bytes)
                == "{\"id\":12,\"jsonrpc\":\"2.0\",\"method\":\"trainer.contribute.commit\",\"params\":{\"datasets\":"
                + "[\"\(digest)\"],\"loss\":1.25,\"steps\":30,\"tokens\":245760,\"transfer\":3}}")
        let request = try ControlRequest.decode(bytes, role: .trainer)
        #expect(request == ControlRequest(id: 12, call: .trainerContributeCommit(commit)))
    }

    @Test func requestsWithoutFieldsNeedNoParameters() throws {
        #expect(
            text(try ControlMessage.request(id: 0, StatusRequest()))
                == "{\"id\":0,\"jsonrpc\":\"2.0\",\"method\":\"status\",\"params\":{}}")
        let bare = Array("{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":0}".utf8)
        #expect(try ControlRequest.decode(bare, role: .operator) == ControlRequest(id: 0, call: .status))
    }

    @Test func anOptionalFieldMayBeAbsent() throws {
        let request = VersionsRequest(count: 5)
        let bytes = try ControlMessage.request(id: 1, request)
        #expect(!text(bytes).contains("from"))
        #expect(try ControlRequest.decode(bytes, role: .operator).call == .versions(request))
    }

    @Test func aMistakeOfTheClientShowsBeforeItIsSent() {
        #expect(
            throws: ControlError.invalidParameters(method: "versions", problem: .wrongValue(field: "count"))
        ) { try ControlMessage.request(id: 1, VersionsRequest(count: 101)) }
    }

    @Test func aStatusIsWrittenAndReadBack() throws {
        let digest = try #require(digest)
        let de = try #require(SiteName("de"))
        let fr = try #require(SiteName("fr"))
        let status = StatusResponse(
            site: de, network: digest, height: 12, head: digest, view: 1, phase: .collecting, phaseMilliseconds: 1500,
            waitsFor: [Waiting(site: fr, reason: .contribution)], members: 4, quorum: 3,
            peers: [PeerState(site: fr, link: .down, error: "connection refused")], trainer: .training,
            disk: .writable, alarms: [Alarm(kind: .disk, message: "nearly full")], residentBytes: 1 << 25,
            uptimeMilliseconds: 60000)
        let bytes = try ControlMessage.response(id: 4, to: StatusRequest.self, status)
        #expect(
            text(bytes)
                == "{\"id\":4,\"jsonrpc\":\"2.0\",\"result\":{\"addresses\":[],\"alarms\":[{\"kind\":\"disk\",\"message\":\"nearly full\"}],"
                + "\"availableContributions\":0,\"disk\":\"writable\",\"droppedLogMessages\":0,\"head\":\"\(digest)\","
                + "\"height\":12,\"isMember\":true,\"members\":4,\"minContributions\":1,"
                + "\"network\":\"\(digest)\",\"observers\":0,\"peers\":[{\"error\":\"connection refused\",\"link\":\"down\",\"site\":\"fr\"}],"
                + "\"phase\":\"collecting\",\"phaseMilliseconds\":1500,\"proposals\":0,\"quorum\":3,\"residentBytes\":33554432,"
                + "\"site\":\"de\",\"trainer\":\"training\",\"uptimeMilliseconds\":60000,\"view\":1,"
                + "\"waitsFor\":[{\"reason\":\"contribution\",\"site\":\"fr\"}]}}")
        guard case .response(4, let result) = try ControlReply.decode(bytes) else {
            Issue.record("not a response")
            return
        }
        #expect(try result.decoded(for: StatusRequest.self) == status)
        #expect(throws: ControlError.invalidMessage) { try result.decoded(for: PeersRequest.self) }
    }

    @Test func aRefusalNamesItsReason() throws {
        let refusal = ControlRefusal(.normMismatch, message: "norm 2.5 is not 2.4")
        let bytes = try ControlMessage.refusal(id: nil, refusal)
        #expect(
            text(bytes)
                == "{\"error\":{\"code\":-32000,\"data\":{\"reason\":\"norm-mismatch\"},"
                + "\"message\":\"norm 2.5 is not 2.4\"},\"id\":null,\"jsonrpc\":\"2.0\"}")
        #expect(try ControlReply.decode(bytes) == .refusal(id: nil, refusal))
        let known = try ControlMessage.refusal(id: 9, refusal)
        #expect(try ControlReply.decode(known) == .refusal(id: 9, refusal))
    }

    @Test func aNotificationReachesTheTrainerAndIsNoRequest() throws {
        let digest = try #require(digest)
        let version = RoundVersion(height: 3, version: digest, isListed: true, trainedSteps: 2, rules: digest)
        let bytes = try ControlMessage.notification(version)
        #expect(
            text(bytes)
                == "{\"jsonrpc\":\"2.0\",\"method\":\"round.version\",\"params\":{\"height\":3,\"isListed\":true,"
                + "\"rules\":\"\(Samples.digest)\",\"trainedSteps\":2,\"version\":\"\(Samples.digest)\"}}")
        #expect(try ControlReply.decode(bytes) == .version(version))
        #expect(throws: RejectedRequest.self) { try ControlRequest.decode(bytes, role: .trainer) }
        let closing = RoundClosing(version: version.version, milliseconds: 1500)
        #expect(
            text(try ControlMessage.notification(closing))
                == "{\"jsonrpc\":\"2.0\",\"method\":\"round.closing\",\"params\":{\"milliseconds\":1500,"
                + "\"version\":\"\(Samples.digest)\"}}")
        #expect(try ControlReply.decode(try ControlMessage.notification(closing)) == .closing(closing))
        let asked = Array(Samples.request(RoundVersion.schema).utf8)
        #expect(throws: RejectedRequest(id: 7, error: .unknownMethod)) {
            try ControlRequest.decode(asked, role: .trainer)
        }
    }

    @Test func everyReasonHasACodeAndSurvivesTheSocket() throws {
        for reason in ControlReason.allCases {
            let refusal = ControlRefusal(reason, message: "")
            let bytes = try ControlMessage.refusal(id: 1, refusal)
            #expect(try ControlReply.decode(bytes) == .refusal(id: 1, refusal))
            #expect(refusal.code < 0)
        }
    }

    @Test func aLossThatIsNotFiniteCannotBeSent() throws {
        #expect(throws: ControlError.invalidMessage) {
            try ControlMessage.request(
                id: 1, TrainerContributeCommit(transfer: 1, steps: 1, tokens: 1, loss: .nan, datasets: []))
        }
    }

    @Test(arguments: [
        "", "[]", "{}", "1", "null", "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":9007199254740992,\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"note\":\"text\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shell\",\"params\":{}}",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}]",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}",
    ])
    func whatIsNoRequestIsRefused(text: String) {
        #expect(throws: RejectedRequest.self) { try ControlRequest.decode(Array(text.utf8), role: .operator) }
    }
}
