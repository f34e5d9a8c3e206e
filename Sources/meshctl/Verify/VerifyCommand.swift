import ArgumentParser
import Crypto
import Glibc
import Ledger
import Rounds
import Tensor

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check an exported ledger, offline, from the genesis file on.",
        discussion: """
            Checks the founders' signatures, every certificate, what every version rests on, every contribution's \
            signature and pieces. With --recompute and version 0 it averages every round again and compares every \
            parameters root. Trusts nobody but the genesis file.
            """)

    @Option(help: ArgumentHelp("The genesis file.", valueName: "file"))
    var genesis: String

    @Option(help: ArgumentHelp("The exported ledger.", valueName: "file"))
    var ledger: String

    @Option(help: ArgumentHelp("Version 0: a directory with model.safetensors, or such a file.", valueName: "dir"))
    var model: String?

    @Flag(help: "Recompute every version's parameters from version 0 and the contributions.")
    var recompute = false

    @Option(help: ArgumentHelp("A version digest that must be on the chain.", valueName: "digest"))
    var expect: String?

    @Option(help: ArgumentHelp("Threads for recomputing (default: 2).", valueName: "count"))
    var workers = 2

    @Option(
        help: ArgumentHelp(
            "Where two versions of the parameters fit while recomputing (default: TMPDIR).", valueName: "dir"))
    var scratch: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !recompute || model != nil else { throw ValidationError("--recompute needs --model: version 0.") }
        guard (1...256).contains(workers) else { throw ValidationError("--workers must be from 1 to 256.") }
        if let expect, Digest(hex: expect) == nil { throw ValidationError("--expect needs 64 hexadecimal digits.") }
    }

    func run() throws {
        let founding = try GenesisFile.readComplete(genesis).genesis
        if let model, !recompute { try GenesisSignCommand.compare(model, with: founding) }
        let work = try recompute ? model.map { try RecomputeFolder(scratch, founding, model: $0) } : nil
        var audit = try LedgerAudit(
            genesis: founding, ledger: ledger, expect: expect.flatMap { Digest(hex: $0) }.map { VersionDigest($0) })
        let report = try audit.run(recomputing: work, workers: workers, hasModel: model != nil)
        try output.print(report) { report.text }
    }
}
