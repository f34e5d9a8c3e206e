import Control
import Crypto
import Foundation
import Ledger
import System
import Testing

@testable import meshctl

@Suite struct EvidenceVerbTests {
    private let place: Workplace
    private let genesis: Genesis
    private var history: History

    init() throws {
        place = try Workplace()
        genesis = try place.found()
        history = try History(genesis, place)
        for _ in 0..<2 { try history.advance() }
        try place.write(history.ledger(withPayloads: false), to: "ledger")
    }

    private func key(_ site: String) throws -> SigningKey {
        try KeyFile.load(.nodeKey, from: place.path("\(site)/node.key")).signingKey()
    }

    private func vote(_ kind: VoteKind, height: UInt64, _ number: UInt8, by site: String) throws -> Signed<Vote> {
        let digest = kind == .nullify ? Digest.zero : Digest(DigestDomain("test"), [number])
        return Signed(
            Vote(kind: kind, height: Height(height), view: View(2), version: VersionDigest(digest)),
            signer: try #require(genesis.members.member(named: site)).id, key: try key(site),
            network: genesis.network)
    }

    private func proof(height: UInt64 = 1, by site: String = "fr") throws -> Evidence {
        .votes(try vote(.nullify, height: height, 0, by: site), try vote(.finalize, height: height, 2, by: site))
    }

    private func certificate(height: UInt64, by sites: [String]) throws -> VoteCertificate {
        let vote = Vote(
            kind: .finalize, height: Height(height), view: View(9),
            version: VersionDigest(Digest(DigestDomain("test"), [3])))
        var signatures: [Int: Signature] = [:]
        for site in sites {
            let member = try #require(genesis.members.member(named: site))
            signatures[try #require(genesis.members.index(of: member.id))] = vote.signature(
                by: try key(site), network: genesis.network)
        }
        return VoteCertificate(
            network: genesis.network, vote: vote,
            signatures: QuorumSignatures(signatures, memberCount: genesis.members.count))
    }

    private func check(
        _ evidence: [Evidence], certificates: [VoteCertificate] = [], network: NetworkID? = nil, _ more: String...
    ) throws -> Workplace.Result {
        let file = EvidenceFile(
            network: network ?? genesis.network, evidence: evidence, certificates: certificates)
        try place.write(file.encoded, to: "evidence")
        return try place.run(
            ["evidence", "check", "evidence", "--genesis", "genesis.mesh", "--ledger", "ledger"] + more)
    }

    @Test func aProofStandsOffline() throws {
        // Height 3 is being agreed on where the ledger ends: its set is known.
        let result = try check([proof(), proof(height: 3, by: "de")])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("ok  fr: nullify and finalize at height 1 in view 2"))
        #expect(result.output.contains("Proven  against de and fr"))
        let report = try check([proof()], certificates: [], "--json").json()
        let proofs = try #require(report["proofs"] as? [[String: Any]])
        #expect(proofs.map { $0["verdict"] as? String } == ["proven"])
        #expect(proofs.map { $0["isKeyInUse"] as? Bool } == [true])
    }

    @Test func whatProvesNothingIsSaid() throws {
        let honest = Evidence.votes(
            try vote(.notarize, height: 1, 1, by: "fr"), try vote(.nullify, height: 1, 0, by: "fr"))
        let foreign = Evidence.votes(
            try vote(.notarize, height: 1, 1, by: "fr"), try vote(.notarize, height: 1, 2, by: "de"))
        let late = try proof(height: 4)
        let result = try check([honest, foreign, late], "--json")
        #expect(result.status == 1)
        let proofs = try #require(try result.json()["proofs"] as? [[String: Any]])
        #expect(proofs.map { $0["verdict"] as? String } == ["proves-nothing", "proves-nothing", "beyond-ledger"])
        let text = try check([honest, late])
        #expect(text.output.contains("proves nothing") && text.output.contains("the ledger ends before"))
        #expect(text.output.contains("Proven  against nobody"))
    }

    @Test func certificatesOfOtherVersionsAreJudged() throws {
        let real = try certificate(height: 1, by: ["de", "es", "fr"])
        let proven = try check([], certificates: [real])
        #expect(proven.status == 0, "\(proven.errors)")
        #expect(proven.output.contains("another version of height 1 is certified"))
        let few = try check([], certificates: [certificate(height: 1, by: ["de", "es"])])
        #expect(few.status == 1)
        #expect(try check([], certificates: [history.versions[0].certificate]).status == 1)
        #expect(try check([], certificates: [certificate(height: 3, by: ["de", "es", "fr"])]).status == 1)
    }

    @Test func wrongFilesAreNamed() throws {
        let other = try check([proof()], network: NetworkID(.zero))
        #expect(other.status == 1)
        #expect(other.errors.contains("is of network"))
        try place.write("nonsense", to: "evidence")
        let broken = try place.run(
            "evidence", "check", "evidence", "--genesis", "genesis.mesh", "--ledger", "ledger")
        #expect(broken.errors.contains("is not a file of evidence"))
        var ledger = try place.bytes("ledger")
        ledger[ledger.count / 2] ^= 1
        try place.write(ledger, to: "ledger")
        #expect(try check([proof()]).errors.contains("the ledger does not stand"))
    }

    private func daemon(_ proofs: [EvidenceSummary], file: [UInt8]) throws -> ScriptedDaemon {
        try ScriptedDaemon(path: place.path("s")) { id, call in
            switch call {
            case .evidence(let request):
                let page = proofs.filter { $0.number <= request.from ?? .max }.prefix(Int(request.count))
                return try ScriptedDaemon.response(
                    id, EvidenceRequest.self, EvidenceResponse(evidence: Array(page)))
            case .evidenceExportBegin:
                return try ScriptedDaemon.response(
                    id, EvidenceExportBegin.self,
                    EvidenceExport(transfer: 7, bytes: Int64(file.count), proofs: 1, certificates: 0))
                    + stride(from: 0, to: file.count, by: 100).map { offset in
                        try TensorFrame(
                            transfer: 7, kind: .evidence, tensorIndex: 0, offset: UInt64(offset),
                            bytes: Array(file[offset..<min(file.count, offset + 100)])
                        ).frame()
                    }
            default: return []
            }
        }
    }

    @Test func theDaemonsProofsAreListedAndExported() throws {
        let member = try #require(genesis.members.member(named: "fr"))
        let summaries = try [2, 1].map { number in
            EvidenceSummary(
                number: Int64(number), site: try #require(SiteName("fr")),
                member: try #require(DigestText(member.id.description)), kind: .votes, height: 7, view: 3,
                heldAt: 1_790_000_000, description: try proof().words)
        }
        let file = EvidenceFile(network: genesis.network, evidence: [try proof()], certificates: [])
        let daemon = try daemon(summaries, file: file.encoded)
        let text = try place.run(["evidence", "--socket", "s"], answeredBy: daemon.loop)
        #expect(text.output.contains("nullify and finalize at height 1 in view 2"), "\(text.errors)")
        #expect(text.output.contains("2026-09-21T14:13:20Z"), "\(text.output)")
        let page = try place.run(
            ["evidence", "--from", "1", "--socket", "s", "--json"], answeredBy: daemon.loop)
        #expect((try page.json()["evidence"] as? [[String: Any]])?.count == 1)
        let export = try place.run(["evidence", "--export", "out", "--socket", "s"], answeredBy: daemon.loop)
        #expect(export.status == 0, "\(export.errors)")
        #expect(try place.bytes("out") == file.encoded)
        #expect(
            try place.run(
                "evidence", "check", "out", "--genesis", "genesis.mesh", "--ledger", "ledger"
            ).status == 0)
        #expect(
            try place.run(["evidence", "--export", "out", "--socket", "s"], answeredBy: daemon.loop).errors
                .contains("exists already"))
    }

    @Test func anEmptyListAndABrokenExportAreSaid() throws {
        let daemon = try daemon([], file: [1, 2, 3])
        let text = try place.run(["evidence", "--socket", "s"], answeredBy: daemon.loop)
        #expect(text.output.contains("No member is known to have broken the protocol."))
        let export = try place.run(["evidence", "--export", "out", "--socket", "s"], answeredBy: daemon.loop)
        #expect(export.status == 1)
        #expect(!File.exists(place.path("out")))
    }
}
