import Crypto
import Foundation
import Ledger
import Testing

@testable import meshctl

@Suite struct VerifyTests {
    private let place: Workplace
    private var history: History

    init() throws {
        place = try Workplace()
        history = try History(place.found(), place)
        for _ in 0..<3 { try history.advance() }
        try place.write(history.ledger(), to: "ledger")
    }

    private func verify(_ more: String...) throws -> Workplace.Result {
        try place.run(["verify", "--genesis", "genesis.mesh", "--ledger", "ledger"] + more)
    }

    @Test func reachesTheHeadFromGenesisVersionZeroAndLedger() throws {
        let result = try verify("--model", "model", "--recompute", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.json()
        #expect(report["head"] as? String == history.chain.headDigest.description)
        #expect(report["height"] as? Int == 3)
        #expect(report["isRecomputed"] as? Bool == true)
        #expect(report["signersLeast"] as? Int == 3)
        let text = try verify("--model", "model", "--recompute")
        #expect(text.output.contains("every version recomputed"))
        #expect(text.output.contains(history.chain.headDigest.description))
        #expect(!text.output.contains("\u{1b}"))
    }

    @Test func memberSetsOfEveryHeight_areShown() throws {
        let whole = try verify("--json").json()
        #expect((whole["memberSets"] as? [[String: Any]])?.count == 1)
        var history = history
        try history.rotate("fr", place)
        try history.advance()
        try place.write(history.ledger(), to: "ledger")
        let result = try verify()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("versions 1 to 4: 4 members, quorum 3"), "\(result.output)")
        #expect(result.output.contains("from version 5 on: 4 members, quorum 3"), "\(result.output)")
        #expect(try verify("--model", "model", "--recompute").status == 0)
    }

    @Test func leavesNothingBehind() throws {
        let scratch = place.path("scratch")
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        #expect(try verify("--model", "model", "--recompute", "--scratch", scratch).status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
    }

    @Test func withoutPayloadsTheRecordsAreStillChecked() throws {
        try place.write(history.ledger(withPayloads: false), to: "ledger")
        let result = try verify("--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect((try result.json()["counts"] as? [String: Any])?["payloads"] as? Int == 0)
        let recomputed = try verify("--model", "model", "--recompute")
        #expect(recomputed.status == 1)
        #expect(recomputed.errors.contains("no longer kept the contribution"))
    }

    @Test func aChangedLedgerIsRefusedByName() throws {
        let good = try place.bytes("ledger")
        // Inside the last payload, before the end item of 56 bytes.
        var bytes = good
        bytes[bytes.count - 60] ^= 1
        try place.write(bytes, to: "ledger")
        let damaged = try verify()
        #expect(damaged.status == 1)
        #expect(damaged.errors.contains("version 3: the contribution of"))
        #expect(damaged.errors.contains("is damaged"))
        try place.write(Array(good.dropLast(100)), to: "ledger")
        #expect(try verify().errors.contains("the file ends inside item"))
        try place.write(Array("not a ledger at all".utf8), to: "ledger")
        #expect(try verify().errors.contains("not an exported ledger"))
    }

    @Test mutating func aCertifiedLieAboutTheParametersIsFoundByRecomputing() throws {
        try history.advance(claiming: StateRoots(parameters: .zero))
        try place.write(history.ledger(), to: "ledger")
        #expect(try verify().status == 0)
        let result = try verify("--model", "model", "--recompute")
        #expect(result.status == 1)
        #expect(result.errors.contains("version 4: its contributions give the parameters"))
    }

    @Test func anotherGenesisOrModelIsRefused() throws {
        try place.makeModel("other", seed: 5)
        let model = try verify("--model", "other", "--recompute")
        #expect(model.status == 1)
        #expect(model.errors.contains("version 0 is not the model"))
        #expect(try verify("--model", "other").errors.contains("is not version 0"))
        let stranger = try Workplace()
        try stranger.found(["at", "ch"])
        let genesis = try verify("--genesis", stranger.path("genesis.mesh"))
        #expect(genesis.status != 0)
        #expect(genesis.errors.contains("is the ledger of network"), "\(genesis.errors)")
    }

    @Test func aPinnedVersionMustBeOnTheChain() throws {
        let second = history.versions[1].version.versionDigest.description
        #expect(try verify("--expect", second).status == 0)
        let short = try verify("--expect", String(second.prefix(12)).uppercased())
        #expect(short.status == 0 && short.output.contains("expected version: \(second)"), "\(short.errors)")
        let absent = try verify("--expect", String(repeating: "ab", count: 32))
        #expect(absent.status == 1)
        #expect(absent.errors.contains("not on this chain"))
        #expect(try verify("--expect", "abc").status != 0)
    }

    @Test func versionZeroIsLookedForBesideTheGenesis() throws {
        let found = try verify("--recompute", "--json")
        #expect(found.status == 0, "\(found.errors)")
        #expect(try found.json()["isRecomputed"] as? Bool == true)
        try FileManager.default.createDirectory(atPath: place.path("alone"), withIntermediateDirectories: true)
        try place.write(place.bytes("genesis.mesh"), to: "alone/genesis.mesh")
        let missing = try verify("--genesis", "alone/genesis.mesh", "--recompute")
        #expect(missing.status != 0)
        #expect(missing.errors.contains("--recompute needs version 0"))
    }

    @Test(arguments: [0, 2, 3])
    func anyVersionIsExportedWithoutADaemon(height: Int) throws {
        let result = try place.run(
            "export", "hf", "--genesis", "genesis.mesh", "--ledger", "ledger", "--model", "model", "--height",
            "\(height)",
            "--json")
        #expect(result.status == 0, "\(result.errors)")
        let expected =
            height == 0 ? history.genesis.roots : history.versions[height - 1].version.roots
        #expect(try ModelFolder(place.path("hf")).root() == expected.parameters)
        #expect(try result.json()["parametersRoot"] as? String == expected.parameters.description)
    }

    @Test func aVersionBeyondTheLedgerIsNotExported() throws {
        let result = try place.run(
            "export", "hf", "--genesis", "genesis.mesh", "--ledger", "ledger", "--model", "model", "--height", "4")
        #expect(result.status == 1)
        #expect(result.errors.contains("ends at version 3"))
    }
}
