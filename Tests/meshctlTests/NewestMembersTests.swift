import Control
import Crypto
import EventLoop
import Foundation
import Ledger
import SiteFiles
import Testing

@testable import meshctl

/// After a rotation of keys the genesis is out of date: keys are judged by what a ledger or the daemon proves.
@Suite struct NewestMembersTests {
    private let place: Workplace
    private let genesis: Genesis
    private let history: History

    init() throws {
        place = try Workplace()
        genesis = try place.found()
        var history = try History(genesis, place)
        try history.rotate("de", place)
        try history.advance()
        self.history = history
        try place.write(history.ledger(withPayloads: false), to: "ledger")
    }

    private func digest(_ text: String) throws -> DigestText { try #require(DigestText(text)) }

    /// A daemon that knows the newest set.
    private func daemon(_ path: String) throws -> ScriptedDaemon {
        try ScriptedDaemon(path: place.path(path)) { [history, genesis] id, call in
            switch call {
            case .status:
                return try ScriptedDaemon.response(
                    id, StatusRequest.self,
                    StatusResponse(
                        site: try #require(SiteName("de")), network: digest(genesis.network.description), height: 2,
                        head: digest(history.chain.headDigest.description), view: 1, phase: .collecting,
                        phaseMilliseconds: 1, waitsFor: [], members: 4, quorum: 3, peers: [], trainer: .absent,
                        disk: .writable, alarms: [], residentBytes: 1, uptimeMilliseconds: 1))
            case .members:
                let members = try history.chain.members.members.enumerated().map { index, member in
                    Control.Member(
                        id: Int64(index), member: try digest(member.id.description),
                        site: try #require(SiteName(member.name)),
                        operatorKey: try digest(member.operatorKey.description),
                        nodeKey: try digest(member.nodeKey.description),
                        linkKey: try digest(member.linkKey.description),
                        keyEpoch: Int64(member.keyEpoch))
                }
                return try ScriptedDaemon.response(
                    id, MembersRequest.self,
                    MembersResponse(
                        height: 3, memberSet: digest(history.chain.members.digest.description), members: members))
            default: return try ScriptedDaemon.response(id, DoctorRequest.self, DoctorResponse(checks: []))
            }
        }
    }

    private func join(_ more: [String]) throws -> Workplace.Result {
        try place.run(
            ["join", "--genesis", "genesis.mesh", "--peer", "127.0.0.1:9", "--key", "de", "--force"] + more)
    }

    private func outcomes(_ result: Workplace.Result) throws -> [String: String] {
        let checks = try #require(try result.json()["checks"] as? [[String: Any]])
        var outcomes: [String: String] = [:]
        for check in checks { outcomes[check["name"] as? String ?? ""] = check["outcome"] as? String }
        return outcomes
    }

    @Test func join_afterARotation_judgesByTheLedger() throws {
        let blind = try join([])
        #expect(blind.status == 1 && blind.errors.contains("--ledger FILE"), "\(blind.errors)")
        let result = try join(["--ledger", "ledger"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Configuration.load(path: place.path("meshnode.toml")).site.name == "de")
    }

    @Test func doctor_afterARotation_judgesByTheLedgerOrTheDaemon() throws {
        #expect(try join(["--ledger", "ledger"]).status == 0)
        let byLedger = try place.run("doctor", "--ledger", "ledger", "--json")
        #expect(byLedger.status == 0, "\(byLedger.output)")
        #expect(try outcomes(byLedger)["membership"] == "pass")
        // With neither nothing can be said, which is no failure.
        let blind = try place.run("doctor", "--json")
        #expect(blind.status == 0, "\(blind.output)")
        #expect(try outcomes(blind)["membership"] == "warning")
        let daemon = try daemon("operator.sock")
        let byDaemon = try place.run(["doctor", "--json"], answeredBy: daemon.loop)
        #expect(try outcomes(byDaemon)["membership"] == "pass", "\(byDaemon.output)")
        #expect(byDaemon.status == 0)
    }

    @Test func doctor_retiredKeys_areAFailureByTheLedger() throws {
        #expect(try join(["--ledger", "ledger"]).status == 0)
        for name in ["node.key", "link.key"] {
            try FileManager.default.removeItem(atPath: place.path("de/" + name))
        }
        try place.run("keygen", "--site", "de", "--out", "other")
        for name in ["node.key", "link.key"] {
            try FileManager.default.copyItem(atPath: place.path("other/" + name), toPath: place.path("de/" + name))
        }
        let result = try place.run("doctor", "--ledger", "ledger", "--json")
        #expect(result.status == 1)
        #expect(try outcomes(result)["membership"] == "failure")
    }

    @Test func card_afterARotation_showsTheCurrentKeys() throws {
        let member = try #require(history.chain.members.member(named: "de"))
        let result = try place.run(
            "card", "--key", "de", "--genesis", "genesis.mesh", "--ledger", "ledger", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.json()
        #expect(report["nodeKey"] as? String == member.nodeKey.description)
        #expect(report["keyEpoch"] as? Int == 1)
        #expect(report["isCardOutdated"] as? Bool == true)
        let daemon = try daemon("s")
        let asked = try place.run(["card", "--key", "de", "--socket", "s", "--json"], answeredBy: daemon.loop)
        #expect(try asked.json()["nodeKey"] as? String == member.nodeKey.description)
        let renewed = try place.run(
            ["card", "--key", "de", "--socket", "s", "--address", "a:1"], answeredBy: daemon.loop)
        #expect(renewed.status == 1 && renewed.errors.contains("rotated keys"), "\(renewed.errors)")
    }

    @Test(arguments: ["fork", "export"])
    func height_thatDoesNotExist_isRefused(verb: String) throws {
        let arguments =
            verb == "fork"
            ? ["fork", "--members", "de,es,fr,pl", "--at", "9999", "--parameters", "model"]
            : ["export", "out", "--height", "9999", "--model", "model"]
        let result = try place.run(arguments + ["--genesis", "genesis.mesh", "--ledger", "ledger"])
        #expect(result.status == 1, "\(result.output)")
        #expect(!FileManager.default.fileExists(atPath: place.path("fork/genesis.mesh")))
    }
}
