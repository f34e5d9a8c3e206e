import ArgumentParser
import System

struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Take the ledger out of the daemon.", subcommands: [LedgerExportCommand.self])
}

struct LedgerExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the ledger with all contributions that are kept to one file.",
        discussion: "With the genesis file and version 0 it is all that meshctl verify needs.")

    @Argument(help: "The file to write.")
    var file: String

    @Option(help: ArgumentHelp("The last height wanted (default: the head).", valueName: "height"))
    var through: Int64?

    @Flag(help: "Replace an existing file.")
    var force = false

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { if let through { try VersionCommand.check(through) } }

    func run() throws {
        guard force || !File.exists(file) else {
            throw Failure("\(file) exists already", advice: "Choose another name, or give --force.")
        }
        let connection = try daemon.connect()
        let export = try connection.download(ledgerThrough: through, to: file)
        if let through, export.height != through {
            throw Failure("the daemon sent the ledger through version \(export.height) instead of \(through)")
        }
        try output.print(export) {
            """
            Wrote \(file): \(Words.bytes(export.bytes)), versions 1 to \(export.height)
            Head \(export.head.text)
            Check it anywhere with: meshctl verify --genesis FILE --ledger \(file) --model DIR --recompute
            """
        }
    }
}
