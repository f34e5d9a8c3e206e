import ArgumentParser
import Crypto
import Glibc
import Ledger
import Rounds
import System
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

    @Option(
        help: ArgumentHelp(
            "Version 0: a directory with model.safetensors, or such a file (default: model, beside the genesis file).",
            valueName: "dir"))
    var model: String?

    @Flag(help: "Recompute every version's parameters from version 0 and the contributions.")
    var recompute = false

    @Option(
        help: ArgumentHelp(
            "A version that must be on the chain: its digest, or the first 12 or more digits of it.",
            valueName: "digest"))
    var expect: String?

    @Option(help: ArgumentHelp("Threads for recomputing (default: 2).", valueName: "count"))
    var workers = 2

    @Option(
        help: ArgumentHelp(
            "Where two versions of the parameters fit while recomputing (default: TMPDIR).", valueName: "dir"))
    var scratch: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !recompute || versionZero != nil else {
            throw ValidationError(
                "--recompute needs version 0: give --model DIR, or lay it beside the genesis file as the folder model.")
        }
        guard (1...256).contains(workers) else { throw ValidationError("--workers must be from 1 to 256.") }
        if let expect, !VerifyCommand.isExpectable(expect) {
            throw ValidationError(
                "--expect needs at least the first \(VerifyCommand.expectDigitsMinimum) of 64 hexadecimal digits.")
        }
    }

    /// As many as `status` shows. An attacker who forges a chain can make a version that begins with so few, so the report says
    /// which version it is.
    static let expectDigitsMinimum = 12

    private static func isExpectable(_ text: String) -> Bool {
        (expectDigitsMinimum...64).contains(text.utf8.count) && text.utf8.count == text.count
            && text.allSatisfy(\.isHexDigit)
    }

    /// The model that was named, or for recomputing the one beside the genesis file if there is one.
    private var versionZero: String? {
        if model != nil || !recompute { return model }
        let folder = genesis.lastIndex(of: "/").map { String(genesis[...$0]) } ?? ""
        return File.exists(folder + "model") ? folder + "model" : nil
    }

    func run() throws {
        let founding = try GenesisFile.readComplete(genesis).genesis
        if let model, !recompute { try GenesisSignCommand.compare(model, with: founding) }
        let work = try recompute ? versionZero.map { try RecomputeFolder(scratch, founding, model: $0) } : nil
        var audit = try LedgerAudit(
            genesis: founding, ledger: ledger, expect: expect?.lowercased())
        let report = try audit.run(recomputing: work, workers: workers, hasModel: versionZero != nil)
        try output.print(report) { report.text }
    }
}
