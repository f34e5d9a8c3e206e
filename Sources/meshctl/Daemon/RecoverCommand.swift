import ArgumentParser
import SiteFiles
import System

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "After a restore from a backup: make the daemon's next start sign nothing it may have signed before.",
        discussion: """
            A restored state does not know what this site signed after the backup was made. At its next start the \
            daemon asks the other sites how far they are, and signs nothing up to two versions beyond.
            """)

    @Option(help: ArgumentHelp("The daemon's configuration (default: meshnode.toml).", valueName: "file"))
    var config: String?

    @OptionGroup var output: OutputOptions

    struct Report: Encodable {
        let configuration: String
        let stateDirectory: String
    }

    func run() throws {
        let path = config ?? DaemonOptions.defaultConfiguration
        let configuration = try Configuration.load(path: path)
        guard File.exists(configuration.site.stateDirectory) else {
            throw Failure("\(configuration.site.stateDirectory) does not exist", advice: "Restore the backup first.")
        }
        try File.write([], to: configuration.site.stateDirectory + "/recover")
        let report = Report(configuration: path, stateDirectory: configuration.site.stateDirectory)
        try output.print(report) {
            """
            The next start of the daemon takes its journal for lost. Start it now, or restart it if it runs; \
            meshctl status says until when it abstains.
            """
        }
    }
}
