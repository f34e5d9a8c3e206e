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

    /// A daemon that knows the newest set, or the founders while it is catching up.
    private func daemon(_ path: String, phase: RoundPhase = .collecting) throws -> ScriptedDaemon {
        try ScriptedDaemon(path: place.path(path)) { [history, genesis] id, call in
            switch call {
            case .status:
                return try ScriptedDaemon.response(
                    id, StatusRequest.self,
                    StatusResponse(
                        site: try #require(SiteName("de")), network: digest(genesis.network.description), height: 2,
                        head: digest(history.chain.headDigest.description), view: 1, phase: phase,
                        phaseMilliseconds: 1, waitsFor: [], members: 4, quorum: 3, peers: [], trainer: .absent,
                        disk: .writable, alarms: [], residentBytes: 1, uptimeMilliseconds: 1))
            case .members:
                let set = phase == .catchingUp ? genesis.members : history.chain.members
                let members = try set.members.enumerated().map { index, member in
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
                        height: phase == .catchingUp ? 1 : 3, memberSet: digest(set.digest.description),
                        members: members))
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

    @Test func doctor_daemonThatIsCatchingUp_provesNothing() throws {
        #expect(try join(["--ledger", "ledger"]).status == 0)
        let daemon = try daemon("operator.sock", phase: .catchingUp)
        let result = try place.run(["doctor", "--json"], answeredBy: daemon.loop)
        #expect(result.status == 0, "\(result.output)")
        #expect(try outcomes(result)["membership"] == "warning")
        #expect(result.output.contains("still catching up"))
        // What the ledger proves is newer.
        let proven = try place.run(["doctor", "--ledger", "ledger", "--json"], answeredBy: daemon.loop)
        #expect(try outcomes(proven)["membership"] == "pass", "\(proven.output)")
    }

    @Test func join_invitationOfARetiredOperatorKey_isRefusedByTheLedger() throws {
        try place.run("keygen", "--site", "it", "--address", "127.0.0.1:7700")
        var rotated = history
        try rotated.rotate("fr", place, operatorKey: true)
        try place.write(rotated.ledger(withPayloads: false), to: "newer")
        let invitee = try SignedCard.read(place.path("it/site.card")).card.member
        func join(at height: UInt64, by ledger: String) throws -> Workplace.Result {
            let inviter = try #require(genesis.members.member(named: "fr"))
            let invitation = SignedInvitation(
                Invitation(
                    invitee: invitee, inviter: inviter, sequence: 1, height: Height(height),
                    version: genesis.version.versionDigest, expires: Height(1007), addresses: ["127.0.0.1:9"]),
                network: genesis.network,
                operatorKey: try KeyFile.load(.operatorKey, from: place.path("fr/operator.key.old")).signingKey())
            try place.write(Armour.encode(invitation, as: Armour.invitation), to: "invitation")
            return try place.run(
                "join", "--genesis", "genesis.mesh", "--invitation", "invitation", "--key", "it", "--force", "--ledger",
                ledger)
        }
        let valid = try join(at: 1, by: "ledger")
        #expect(valid.status == 0 && !valid.output.contains("The operator key that signed"), "\(valid.errors)")
        let retired = try join(at: 1, by: "newer")
        #expect(
            retired.status == 1 && retired.errors.contains("no member of the member set of version 4"),
            "\(retired.errors)")
        // An invitation that is newer than the ledger may be of a key that is newer too.
        let later = try join(at: 50, by: "newer")
        #expect(later.status == 0 && later.output.contains("Compare it with them"), "\(later.errors)")
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

    @Test(arguments: ["9999", "3", "9007199254740991", "18446744073709551615"])
    func height_thatNoLedgerHas_isRefused(height: String) throws {
        let fork = try place.run(
            "fork", "--members", "de,es,fr,pl", "--at", height, "--parameters", "model", "--genesis", "genesis.mesh",
            "--ledger", "ledger")
        #expect(fork.status != 0 && !fork.errors.isEmpty, "\(fork.output)")
        let export = try place.run(
            "export", "out", "--height", height, "--model", "model", "--genesis", "genesis.mesh", "--ledger", "ledger")
        #expect(export.status != 0 && !export.errors.isEmpty, "\(export.output)")
        for made in ["fork/genesis.mesh", "out/model.safetensors"] {
            #expect(!FileManager.default.fileExists(atPath: place.path(made)), "\(made)")
        }
    }
}
