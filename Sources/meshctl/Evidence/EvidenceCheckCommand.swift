import ArgumentParser
import Crypto
import Ledger
import System

struct EvidenceCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check exported evidence, offline, with the genesis file and a ledger.",
        discussion: """
            Walks the ledger from genesis on, checks it, and judges each proof by the member set of its place. The \
            status is 0 where every one of them stands.
            """)

    @Argument(help: "The file of evidence.")
    var file: String

    @Option(help: ArgumentHelp("The genesis file.", valueName: "file"))
    var genesis: String

    @Option(help: ArgumentHelp("The exported ledger.", valueName: "file"))
    var ledger: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        let founding = try GenesisFile.readComplete(genesis).genesis
        let bytes = try File.contents(of: file, limitBytes: EvidenceFile.fileBytesMaximum)
        let evidence = try EvidenceFile.decode(bytes, from: file)
        guard evidence.network == founding.network else {
            throw Failure(
                "\(file) is of network \(evidence.network.short), the genesis founds \(founding.network.short)")
        }
        var audit = EvidenceAudit(evidence)
        var headerSync = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
        let end = try headerSync.chain { audit.visit($0) }
        let report = audit.report(end)
        try output.print(report) { report.text }
        if !report.isProven { throw ExitCode.failure }
    }
}
