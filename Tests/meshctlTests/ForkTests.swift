import Crypto
import Foundation
import Ledger
import Testing

@testable import meshctl

/// A new mesh from a version of an old one, by files alone: nobody is asked and nothing is reached.
@Suite struct ForkTests {
    private let place: Workplace
    private var history: History

    init() throws { try self.init(rules: "piece_bytes = 1024\n") }

    private init(rules: String) throws {
        place = try Workplace()
        try place.write(rules, to: "rules.toml")
        history = try History(place.found(rules: ["--rules", "rules.toml"]), place)
        for _ in 0..<3 { try history.advance() }
        try place.write(history.ledger(), to: "ledger")
    }

    private static func withSharedOptimizer() throws -> ForkTests {
        try ForkTests(rules: "piece_bytes = 1024\ninner_optimizer = \"shared-adamw\"\ninner_steps = 2\n")
    }

    private func fork(_ more: String...) throws -> Workplace.Result {
        try place.run(["fork", "--genesis", "genesis.mesh", "--ledger", "ledger", "--json"] + more)
    }

    private func names(_ count: Int) -> [String] { history.genesis.members.members.prefix(count).map(\.name).sorted() }

    private func genesis() throws -> Genesis {
        try GenesisFile(encoded: place.bytes("fork/genesis.mesh")).genesis
    }

    /// Signs and assembles the fork with the founders' keys.
    private func sign(_ founders: [String]) throws {
        var signatures: [String] = []
        for name in founders {
            let result = try place.run([
                "genesis", "sign", "--genesis", "fork/genesis.mesh", "--key", name, "--model", "fork/model", "--out",
                "\(name).signature",
            ])
            #expect(result.status == 0, "\(result.errors)")
            signatures.append("\(name).signature")
        }
        let result = try place.run(
            ["genesis", "assemble", "--genesis", "fork/genesis.mesh", "--out", "fork/signed.mesh", "--signatures"]
                + signatures)
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func twoOfFourFoundAMeshOnAnyVersionOfTheOld() throws {
        let founders = names(2)
        let result = try fork(
            "--at", "2", "--members", founders.joined(separator: ","), "--model", "model", "--retention-versions", "64")
        #expect(result.status == 0, "\(result.errors)")
        let genesis = try genesis()
        let version = history.versions[1].version
        #expect(
            genesis.origin
                == ForkOrigin(
                    network: history.genesis.network, version: version.versionDigest, roots: version.roots))
        #expect(genesis.roots == version.roots)
        #expect(genesis.members.members.map(\.name).sorted() == founders)
        #expect(genesis.network != history.genesis.network)
        #expect(genesis.version.parent == version.versionDigest)
        #expect(genesis.rules.retentionVersions == 64)
        #expect(genesis.rules.innerSteps == history.genesis.rules.innerSteps)
        #expect(Int(genesis.rules.minContributions) == founders.count / 2 + 1)
        #expect(genesis.tensors == history.genesis.tensors)
        try sign(founders)
        // It lives on, and an outsider can check it, back to the version that it comes from.
        try FileManager.default.removeItem(atPath: place.path("model"))
        try FileManager.default.moveItem(atPath: place.path("fork/model"), toPath: place.path("model"))
        var next = try History(GenesisFile(encoded: place.bytes("fork/signed.mesh")).genesis, place)
        try next.advance()
        try place.write(next.ledger(), to: "fork.ledger")
        let verified = try place.run([
            "verify", "--genesis", "fork/signed.mesh", "--ledger", "fork.ledger", "--model", "model", "--recompute",
            "--expect", version.versionDigest.description, "--json",
        ])
        #expect(verified.status == 0, "\(verified.errors)")
        let origin = try #require(try verified.json()["origin"] as? [String: Any])
        #expect(origin["version"] as? String == version.versionDigest.description)
        let other = history.versions[2].version.versionDigest.description
        let refused = try place.run([
            "verify", "--genesis", "fork/signed.mesh", "--ledger", "fork.ledger", "--expect", other,
        ])
        #expect(refused.status == 1)
    }

    @Test func parametersThatWereTakenAlongServeInPlaceOfARecomputation() throws {
        #expect(try fork("--at", "3", "--members", names(1)[0], "--model", "model", "--out", "first").status == 0)
        let result = try fork("--at", "3", "--members", names(3).joined(separator: ","), "--parameters", "first/model")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try genesis().roots == history.versions[2].version.roots)
        let wrong = try fork("--at", "2", "--members", names(1)[0], "--parameters", "first/model", "--out", "second")
        #expect(wrong.status == 1)
        #expect(wrong.errors.contains("are not those of version 2"))
        #expect(!FileManager.default.fileExists(atPath: place.path("second/genesis.mesh")))
        #expect(!FileManager.default.fileExists(atPath: place.path("second/.parameters")))
    }

    @Test func newFoundersComeWithTheirCards() throws {
        #expect(try place.run("keygen", "--site", "it", "--out", "it").status == 0)
        let result = try fork("--members", names(1)[0], "--cards", "it/site.card", "--model", "model")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try genesis().members.members.map(\.name).sorted() == [names(1)[0], "it"].sorted())
        try sign([names(1)[0], "it"])
    }

    @Test func whatCannotBeIsRefusedByName() throws {
        let stranger = try fork("--members", "nobody", "--model", "model")
        #expect(stranger.status == 1)
        #expect(stranger.errors.contains("nobody is no member at version 3"))
        let beyond = try fork("--at", "9", "--members", names(1)[0], "--model", "model")
        #expect(beyond.status == 1)
        #expect(beyond.errors.contains("ends at version 3"))
        #expect(try fork("--members", names(1)[0]).status == 64)
        #expect(try fork("--model", "model").status == 64)
        let rule = try fork("--members", names(1)[0], "--model", "model", "--retention-versions", "1")
        #expect(rule.status == 1)
    }

    /// A ledger whose records do not stand founds nothing.
    @Test func aForgedLedgerFoundsNothing() throws {
        var bytes = try place.bytes("ledger")
        bytes[bytes.count / 2] ^= 1
        try place.write(bytes, to: "ledger")
        let result = try fork("--members", names(1)[0], "--model", "model")
        #expect(result.status == 1)
        #expect(!FileManager.default.fileExists(atPath: place.path("fork/genesis.mesh")))
    }

    @Test("a fork goes on with the shared optimizer's state, and both verifiers recompute it")
    func sharedOptimizer_fork_keepsItsState() throws {
        let old = try ForkTests.withSharedOptimizer()
        let (place, founders) = (old.place, old.names(2))
        let result = try old.fork("--at", "2", "--members", founders.joined(separator: ","), "--model", "model")
        #expect(result.status == 0, "\(result.errors)")
        // Two versions of two steps each.
        #expect(try result.json()["optimizerSteps"] as? Int == 4)
        let roots = old.history.versions[1].version.roots
        #expect(try old.genesis().roots == roots)
        #expect(try old.genesis().origin?.roots == roots)

        try old.sign(founders)
        try FileManager.default.removeItem(atPath: place.path("model"))
        try FileManager.default.moveItem(atPath: place.path("fork/model"), toPath: place.path("model"))
        var next = try History(GenesisFile(encoded: place.bytes("fork/signed.mesh")).genesis, place)
        for _ in 0..<2 { try next.advance() }
        try place.write(next.ledger(), to: "fork.ledger")
        let verify = [
            "verify", "--genesis", "fork/signed.mesh", "--ledger", "fork.ledger", "--model", "model", "--recompute",
        ]
        let verified = try place.run(verify)
        #expect(verified.status == 0, "\(verified.errors)")
        let outside = try place.runReference(
            "verify_ledger.py",
            [
                place.path("fork/signed.mesh"), place.path("fork.ledger"), "--model",
                place.path("model/model.safetensors"),
            ])
        #expect(outside.status == 0, "\(outside.errors)")
        #expect(outside.output.contains("parameters \(next.chain.head.roots.parameters) recomputed"))

        // A file of weights stands for its directory, as in the daemon's configuration.
        let byFile = try place.run(verify.map { $0 == "model" ? "model/model.safetensors" : $0 })
        #expect(byFile.status == 0, "\(byFile.errors)")
        let shown = try place.run("genesis", "show", "--genesis", "fork/signed.mesh")
        #expect(shown.output.contains("shared, goes on with state \(roots.outer.short)"), "\(shown.output)")

        // The last byte has the sign of the last second moment and most of its exponent.
        let state = try place.bytes("model/optimizer/state.safetensors")
        for (bit, reason, inSigning) in [
            (UInt8(1), "optimizer state", "the optimizer's state in model is not that of version 0"),
            (0x80, "is no second moment", "is no second moment"),
        ] {
            var damaged = state
            damaged[damaged.count - 1] ^= bit
            try place.write(damaged, to: "model/optimizer/state.safetensors")
            let refused = try place.run(verify)
            #expect(refused.status == 1)
            #expect(refused.errors.contains(reason), "\(refused.errors)")
            let unsigned = try place.run(
                "genesis", "sign", "--genesis", "fork/genesis.mesh", "--key", founders[0], "--model", "model")
            #expect(unsigned.status == 1)
            #expect(unsigned.errors.contains(inSigning), "\(unsigned.errors)")
        }
        try FileManager.default.removeItem(atPath: place.path("model/optimizer"))
        #expect(try place.run(verify).status == 1)
    }

    @Test("a fork begins with an empty optimizer state if it is asked to, or its rules have no shared optimizer")
    func sharedOptimizer_fork_leavesItsStateBehind() throws {
        let old = try ForkTests.withSharedOptimizer()
        let (place, name) = (old.place, old.names(1)[0])
        #expect(try old.fork("--members", name, "--model", "model").status == 0)
        // From what was taken along it goes on too, unless the state is not there.
        #expect(try old.fork("--members", name, "--parameters", "fork/model", "--out", "second").status == 0)
        #expect(
            try place.bytes("fork/model/optimizer/state.safetensors")
                == place.bytes("second/model/optimizer/state.safetensors"))
        try FileManager.default.removeItem(atPath: place.path("second/model/optimizer"))
        let missing = try old.fork("--members", name, "--parameters", "second/model", "--out", "third")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("--reset-optimizer"), "\(missing.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path("third/genesis.mesh")))

        for (rule, folder) in [(["--reset-optimizer"], "fresh"), (["--inner-optimizer", "adamw"], "plain")] {
            let result = try place.run(
                [
                    "fork", "--genesis", "genesis.mesh", "--ledger", "ledger", "--members", name, "--model", "model",
                    "--out", folder, "--json",
                ] + rule)
            #expect(result.status == 0, "\(result.errors)")
            #expect(try result.json()["optimizerSteps"] == nil)
            let genesis = try GenesisFile(encoded: place.bytes("\(folder)/genesis.mesh")).genesis
            #expect(
                genesis.roots
                    == StateRoots(
                        founding: old.history.chain.head.roots.parameters,
                        parameterCount: TensorShape.parameterCount(of: genesis.tensors) ?? 0,
                        genesis.rules.innerOptimizer))
            #expect(!FileManager.default.fileExists(atPath: place.path("\(folder)/model/optimizer")))
        }
        // Without a use for the state it is not asked for, and with --force none of another genesis stays.
        let forced = try old.fork(
            "--members", name, "--parameters", "second/model", "--inner-optimizer", "adamw", "--force")
        #expect(forced.status == 0, "\(forced.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path("fork/model/optimizer/state.safetensors")))
        // An empty state needs no file.
        let first = try old.fork("--members", name, "--parameters", "model", "--at", "0", "--out", "zero")
        #expect(first.status == 0, "\(first.errors)")
        #expect(try GenesisFile(encoded: place.bytes("zero/genesis.mesh")).genesis.roots == old.history.genesis.roots)
    }

    @Test("a fork of a fork goes on with the state too")
    func sharedOptimizer_forkOfAFork_keepsItsState() throws {
        let old = try ForkTests.withSharedOptimizer()
        let place = old.place
        #expect(try old.fork("--members", old.names(2).joined(separator: ","), "--model", "model").status == 0)
        try old.sign(old.names(2))
        try FileManager.default.removeItem(atPath: place.path("model"))
        try FileManager.default.moveItem(atPath: place.path("fork/model"), toPath: place.path("model"))
        try FileManager.default.moveItem(atPath: place.path("fork/signed.mesh"), toPath: place.path("first.mesh"))
        var next = try History(GenesisFile(encoded: place.bytes("first.mesh")).genesis, place)
        try next.advance()
        try place.write(next.ledger(), to: "ledger")
        try FileManager.default.removeItem(atPath: place.path("fork"))
        let result = try place.run([
            "fork", "--genesis", "first.mesh", "--ledger", "ledger", "--members", old.names(1)[0], "--model", "model",
            "--json",
        ])
        #expect(result.status == 0, "\(result.errors)")
        // Three versions of two steps, then one.
        #expect(try result.json()["optimizerSteps"] as? Int == 8)
        #expect(try old.genesis().roots == next.chain.head.roots)
    }
}
