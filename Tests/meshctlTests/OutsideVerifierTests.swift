import Crypto
import Foundation
import Ledger
import Testing

/// Runs the verifier in Python that was written from the documents (`Tests/Reference`) beside `meshctl verify`.
@Suite struct OutsideVerifierTests {
    private let place: Workplace
    private var history: History

    init() throws {
        place = try Workplace()
        history = try History(place.found(), place)
        for _ in 0..<3 { try history.advance() }
        try place.write(history.ledger(), to: "ledger")
    }

    private func verifier(_ script: String, _ arguments: String...) throws -> Workplace.Result {
        try place.runReference(script, [place.path("genesis.mesh"), place.path("ledger")] + arguments)
    }

    @Test("a ledger verifies by the documents alone, to the same head")
    func ledger_verifierWrittenFromDocuments_reachesTheSameHead() throws {
        let result = try verifier("verify_ledger.py")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("height 3"))
        #expect(result.output.contains("head \(history.chain.headDigest)"))
    }

    @Test("a ledger without payloads verifies by the documents alone")
    func ledgerWithoutPayloads_verifierWrittenFromDocuments_reachesTheSameHead() throws {
        try place.write(history.ledger(withPayloads: false), to: "ledger")
        let result = try verifier("verify_ledger.py")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("head \(history.chain.headDigest)"))
    }

    @Test("every version's parameters are recomputed by the documents alone")
    func ledger_verifierWrittenFromDocuments_recomputesEveryRoot() throws {
        let result = try verifier("verify_ledger.py", "--model", place.path("model/model.safetensors"))
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("parameters \(history.chain.head.roots.parameters) recomputed"))
    }

    @Test(
        "the second decoder and averager recompute every rule",
        arguments: [
            "averaging = \"clip-nnm-gm\"", "encoding = \"top-k 1024 2\"", "encoding = \"top-k 600 1\"",
            "encoding = \"top-k 4096 8\"", "encoding = \"dense-float32\"", "encoding = \"dense-bfloat16\"",
            "inner_optimizer = \"shared-adamw\"\nschedule_steps = 25\nwarmup_steps = 12",
        ])
    func otherRules_verifierWrittenFromDocuments_recomputesEveryRoot(rule: String) throws {
        let place = try Workplace()
        try place.write("piece_bytes = 1024\n\(rule)\n", to: "rules.toml")
        var history = try History(place.found(rules: ["--rules", "rules.toml"]), place)
        for _ in 0..<3 { try history.advance() }
        try place.write(history.ledger(), to: "ledger")
        let result = try place.runReference(
            "verify_ledger.py",
            [place.path("genesis.mesh"), place.path("ledger"), "--model", place.path("model/model.safetensors")])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("parameters \(history.chain.head.roots.parameters) recomputed"))
    }

    @Test("a certified lie about the parameters is refused by recomputing")
    mutating func certifiedLieAboutParameters_recomputing_refuses() throws {
        try history.advance(claiming: StateRoots(parameters: .zero))
        try place.write(history.ledger(), to: "ledger")
        #expect(try verifier("verify_ledger.py").status == 0)
        let result = try verifier("verify_ledger.py", "--model", place.path("model/model.safetensors"))
        #expect(result.status == 1)
        #expect(result.errors.contains("version 4: the contributions give other parameters"), "\(result.errors)")
    }

    @Test("altered ledgers are refused by both verifiers")
    func alteredLedger_bothVerifiers_refuse() throws {
        try FileManager.default.createDirectory(atPath: place.path("mutants"), withIntermediateDirectories: true)
        let result = try verifier(
            "mutate_ledger.py", "--count", "300", "--write", place.path("mutants"), "--written", "24")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.output.contains("300 of 300 mutants refused"))
        let mutants = try FileManager.default.contentsOfDirectory(atPath: place.path("mutants"))
        #expect(mutants.count == 24)
        for mutant in mutants {
            let refused = try place.run("verify", "--genesis", "genesis.mesh", "--ledger", "mutants/\(mutant)")
            #expect(refused.status == 1, "\(mutant): \(refused.output)")
        }
    }

    @Test("a genesis without a founder's signature is refused")
    func genesisWithoutSignature_verifierWrittenFromDocuments_refuses() throws {
        let file = try GenesisFile(encoded: place.bytes("genesis.mesh"))
        let missing = GenesisFile(genesis: file.genesis, signatures: Array(file.signatures.dropFirst()))
        try place.write(missing.encoded, to: "genesis.mesh")
        let result = try verifier("verify_ledger.py")
        #expect(result.status == 1)
        #expect(result.errors.contains("not signed by every founder"))
    }
}
