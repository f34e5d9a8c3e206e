import ArgumentParser
import Control
import Glibc
import Ledger
import Rounds
import System
import Tensor

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a certified version as a model directory in Hugging Face's layout.",
        discussion: """
            The weights come from the daemon and are held against the certified root; configuration and tokenizer come \
            from the genesis. With --ledger and --model no daemon is asked: the version is verified and recomputed from \
            version 0. Where the sites share one optimizer, optimizer/state.safetensors has its state to resume from: the \
            second moment of each parameter, and the number of steps in the metadata.
            """)

    @Argument(help: "The directory to write.")
    var directory: String

    @Option(help: ArgumentHelp("The version wanted (default: the head).", valueName: "height"))
    var height: Int64?

    @Option(help: ArgumentHelp("The genesis file (default: the one that the configuration names).", valueName: "file"))
    var genesis: String?

    @Option(help: ArgumentHelp("An exported ledger to recompute the version from, offline.", valueName: "file"))
    var ledger: String?

    @Option(help: ArgumentHelp("Version 0, for --ledger.", valueName: "dir"))
    var model: String?

    @Flag(help: "Replace files that are in the directory.")
    var force = false

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let height { try VersionCommand.check(height) }
        guard (ledger == nil) == (model == nil) else { throw ValidationError("--ledger and --model go together.") }
    }

    struct Report: Encodable {
        let directory: String
        let height: Int64
        let version: String
        let parametersRoot: String
        let parameters: Int
        let files: [String]
    }

    func run() throws {
        guard let path = try genesis ?? daemon.configuration()?.mesh.genesis else {
            throw Failure("no genesis file was named", advice: "Give --genesis FILE or --config FILE.")
        }
        let founding = try GenesisFile.readComplete(path).genesis
        let layout: ParameterLayout
        do throws(LayoutError) { layout = try ParameterLayout(founding) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
        let names = ["model.safetensors"] + (founding.rules.innerOptimizer.isShared ? [OptimizerStateFile.name] : [])
        for name in names where File.exists(directory + "/" + name) && !force {
            throw Failure("\(directory)/\(name) exists already", advice: "Choose another directory, or give --force.")
        }
        try Folder.make(directory, mode: 0o755)
        let version: Exported
        if let ledger, let model {
            version = try recomputed(founding, layout, ledger: ledger, model: model)
        } else {
            version = try fetched(founding, layout)
        }
        let files = ModelFolder.files(of: founding)
        for attachment in files {
            try OutputFile.write(attachment.bytes, to: directory + "/" + attachment.name, isReplacing: force)
        }
        let report = Report(
            directory: directory, height: version.height, version: version.digest, parametersRoot: version.root,
            parameters: layout.parameterCount, files: names + files.map(\.name))
        try output.print(report) {
            """
            Wrote version \(version.height) (\(Words.short(version.digest))) to \(directory): \
            \(Words.grouped(Int64(layout.parameterCount))) parameters, root as certified
            \(report.files.joined(separator: " "))
            """
        }
    }

    private struct Exported {
        let height: Int64
        let digest: String
        let root: String
    }

    /// From an exported ledger: every version up to the one wanted is verified and recomputed.
    private func recomputed(
        _ founding: Genesis, _ layout: ParameterLayout, ledger: String, model: String
    ) throws -> Exported {
        let folder = try RecomputeFolder(nil, founding, model: model)
        var audit = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
        let replay = try audit.replay(through: height.map { Height(UInt64($0)) }, in: folder, workers: 2)
        if let height, replay.chain.height.value != UInt64(height) {
            throw Failure("\(ledger) ends at version \(replay.chain.height)")
        }
        let version = Exported(
            height: Int64(replay.chain.height.value), digest: replay.chain.headDigest.description,
            root: replay.parameters.root.description)
        try write(replay.parameters, founding, layout, version)
        if let state = replay.parameters.outer, let root = replay.parameters.outerRoot {
            try write(optimizer: state, root: root.description, founding, layout, version)
        }
        return version
    }

    /// From the daemon.
    private func fetched(_ founding: Genesis, _ layout: ParameterLayout) throws -> Exported {
        let connection = try daemon.connect()
        try connection.check(founding)
        let scratch = directory + "/.parameters"
        defer { unlink(scratch) }
        let (export, parameters) = try connection.download(.parameters, of: height, layout, to: scratch)
        let version = Exported(height: export.height, digest: export.version.text, root: export.root.text)
        guard founding.rules.innerOptimizer.isShared else {
            try write(parameters, founding, layout, version)
            return version
        }
        // Both parts are here before one is written: they belong to one version.
        let stateScratch = directory + "/.optimizer"
        defer { unlink(stateScratch) }
        let (other, state) = try connection.download(.optimizer, of: version.height, layout, to: stateScratch)
        guard other.height == export.height, other.version == export.version else {
            throw Failure(
                "the daemon sent the optimizer's state of version \(other.height) in place of \(export.height)")
        }
        try write(parameters, founding, layout, version)
        try write(optimizer: state, root: other.root.text, founding, layout, version)
        return version
    }

    private func write(
        _ parameters: ParameterFile, _ founding: Genesis, _ layout: ParameterLayout, _ version: Exported
    ) throws {
        try ModelFolder.write(
            parameters, layout: layout, genesis: founding, height: version.height, version: version.digest,
            to: directory + "/model.safetensors")
    }

    private func write(
        optimizer state: any ParameterSource, root: String, _ founding: Genesis, _ layout: ParameterLayout,
        _ version: Exported
    ) throws {
        try ModelFolder.write(
            optimizer: state, root: root, layout: layout, genesis: founding, height: version.height,
            version: version.digest, in: directory)
    }
}
