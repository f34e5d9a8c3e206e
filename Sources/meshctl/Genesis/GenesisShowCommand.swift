import ArgumentParser
import Ledger
import Rounds
import Tensor

struct GenesisShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what a genesis file founds, and who has signed it.")

    @Option(help: ArgumentHelp("The genesis file.", valueName: "file"))
    var genesis: String

    @Flag(help: "Print the rules as well: a file that `genesis create --rules` reads, the rest as comments.")
    var rules = false

    @OptionGroup var output: OutputOptions

    func run() throws {
        let report = GenesisReport(try GenesisFile.read(genesis), path: genesis)
        try output.print(report) {
            guard rules else { return report.text }
            let comments = report.text.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.isEmpty ? "#" : "# \($0)" }
            return comments.joined(separator: "\n") + "\n\n"
                + report.rules.map { "\($0.name) = \($0.value)" }.joined(separator: "\n")
        }
    }
}

/// A genesis as `--json` and people see it.
struct GenesisReport: Encodable {
    struct Founder: Encodable {
        let site: String
        let member: String
        let operatorKey: String
        let nodeKey: String
        let linkKey: String
        let hasSigned: Bool
    }

    struct Rule: Encodable {
        let name: String
        let value: String
    }

    struct File: Encodable {
        let name: String
        let bytes: Int
    }

    let path: String
    let network: String
    let versionZero: String
    /// Of a fork: the mesh and version that it continues.
    let origin: Origin?
    let parametersRoot: String
    /// Of the shared optimizer's state; nil in a mesh without one.
    let optimizerRoot: String?
    /// Whether that state is the origin's, and not empty.
    let continuesOptimizer: Bool
    let parameters: Int
    let tensors: Int
    let founders: [Founder]
    let quorum: Int
    let faultBound: Int
    let isComplete: Bool
    let rules: [Rule]
    let files: [File]

    init(_ file: GenesisFile, path: String) {
        let genesis = file.genesis
        let signed = Set(file.signers.map(\.id))
        self.path = path
        network = genesis.network.description
        versionZero = genesis.version.versionDigest.description
        origin = genesis.origin.map { Origin($0) }
        parametersRoot = genesis.roots.parameters.description
        optimizerRoot = genesis.rules.innerOptimizer.isShared ? genesis.roots.outer.description : nil
        continuesOptimizer = genesis.continuesOptimizer
        parameters = (try? ParameterLayout(genesis))?.parameterCount ?? 0
        tensors = genesis.tensors.count
        founders = genesis.members.members.map {
            Founder(
                site: $0.name, member: $0.id.description, operatorKey: $0.operatorKey.description,
                nodeKey: $0.nodeKey.description, linkKey: $0.linkKey.description, hasSigned: signed.contains($0.id))
        }.sorted { $0.site < $1.site }
        quorum = genesis.members.quorum
        faultBound = genesis.members.faultBound
        isComplete = file.isComplete
        rules = RuleFields(genesis.rules).lines.map { Rule(name: $0.name, value: $0.value) }
        files = genesis.attachments.map { File(name: $0.name, bytes: $0.bytes.count) }
    }

    var text: String {
        let terminal = Terminal.standard
        var head = Table()
        head.append("network", network)
        head.append("version 0", versionZero)
        if let origin { head.append("continues", "version \(origin.version) of network \(origin.network)") }
        head.append(
            "model", "\(Words.grouped(Int64(parameters))) parameters in \(Words.count(tensors, "tensor", "tensors"))")
        if let optimizerRoot {
            head.append(
                "optimizer", continuesOptimizer ? "shared, goes on with state \(Words.short(optimizerRoot))" : "shared")
        }
        if !files.isEmpty { head.append("files", files.map(\.name).joined(separator: ", ")) }
        head.append("signers needed", "\(quorum) of \(founders.count)" + bound)
        var table = Table(["founder", "operator key", "signature"])
        for founder in founders {
            table.append([
                .init(founder.site), .init(founder.operatorKey),
                founder.hasSigned ? .init("signed", .good) : .init("missing", .warning),
            ])
        }
        return head.rendered(terminal) + "\n\n" + table.rendered(terminal)
    }

    private var bound: String {
        faultBound == 0
            ? ": every site must be up, for f = 0 below four sites"
            : ": up to \(faultBound) may fail or lie"
    }
}
