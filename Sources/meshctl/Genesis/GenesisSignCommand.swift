import ArgumentParser
import Crypto
import Ledger
import Rounds
import SiteFiles
import System
import Tensor

struct GenesisSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Consent to a genesis with the operator key; gives a detached signature.",
        discussion: """
            Checks first that this site is a founder with the keys that it has, and with --model that version 0 and the \
            small files are those of the genesis.
            """)

    @Option(help: ArgumentHelp("The genesis file, signed by nobody or by some.", valueName: "file"))
    var genesis: String

    @Option(help: ArgumentHelp("The site's directory of keys.", valueName: "dir"))
    var key: String

    @Option(help: ArgumentHelp("Compare version 0 with the genesis.", valueName: "dir"))
    var model: String?

    @Option(help: ArgumentHelp("Where the signature goes (default: NAME.signature).", valueName: "file"))
    var out: String?

    @OptionGroup var passphrase: PassphraseOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        let file = try GenesisFile.read(genesis)
        let directory = KeyDirectory(key)
        let member = try GenesisSignCommand.founder(file.genesis, directory)
        if let model { try GenesisSignCommand.compare(model, with: file.genesis) }
        let signature = GenesisSignature(
            genesis: file.genesis, signer: member.id,
            operatorKey: try directory.signingKey(.operatorKey, passphrase))
        let path = out ?? member.name + ".signature"
        try OutputFile.write(
            Armour.encode(signature, as: Armour.genesisSignature), to: path)
        let report = GenesisReport(GenesisFile(genesis: file.genesis, signatures: [signature]), path: path)
        try output.print(report) {
            """
            \(report.text)

            \(member.name) signed network \(file.genesis.network.short)\(model == nil ? "" : "; version 0 is the model in the genesis").
            Send \(path) to whoever assembles the genesis.
            """
        }
    }

    /// The founder whose keys these are.
    static func founder(_ genesis: Genesis, _ directory: KeyDirectory) throws -> Member {
        let operatorKey = try directory.publicKeyBytes(.operatorKey)
        guard let member = genesis.members.members.first(where: { $0.operatorKey.bytes == operatorKey }) else {
            let names = genesis.members.members.map(\.name)
            throw Failure(
                "no founder has the operator key in \(directory.path): the founders are \(Words.list(names))",
                advice: "Was the genesis made from another card of this site? Send the card again: \(directory.card)")
        }
        for (kind, bytes) in [(KeyKind.nodeKey, member.nodeKey.bytes), (.linkKey, member.linkKey.bytes)] {
            guard File.exists(directory.file(kind)) else { continue }
            guard try directory.publicKeyBytes(kind) == bytes else {
                throw Failure(
                    "the genesis names another \(kind) for \(member.name) than the one in \(directory.path)",
                    advice: "Was the genesis made from an older card of this site?")
            }
        }
        return member
    }

    private static let anotherModelAdvice = "Get version 0 again from the site that created the genesis."

    /// Whether the model on disk is version 0 of the genesis.
    static func compare(_ path: String, with genesis: Genesis) throws {
        let layout: ParameterLayout
        do throws(LayoutError) { layout = try ParameterLayout(genesis) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
        let folder = try ModelFolder(path, layout: layout)
        let root = try folder.root()
        guard root == genesis.roots.parameters else {
            throw Failure(
                "the model in \(path) is not version 0: its root is \(root.short), the genesis names \(genesis.roots.parameters.short)",
                advice: anotherModelAdvice)
        }
        try compareOptimizerState(path, with: genesis, layout)
        guard folder.carried == (try ModelFolder.carried(by: genesis)) else {
            throw Failure("the tensors of \(path) that are not trained differ from those in the genesis")
        }
        for attachment in folder.attachments {
            guard let named = genesis.attachments.first(where: { $0.name == attachment.name }) else { continue }
            guard named == attachment else {
                throw Failure("\(path)/\(attachment.name) differs from the one in the genesis")
            }
        }
    }

    /// A fork may go on with the optimizer's state of the version that it comes from.
    private static func compareOptimizerState(_ path: String, with genesis: Genesis, _ layout: ParameterLayout) throws {
        let root: Digest?
        do {
            let model = try FoundingModel(
                path, layout: layout, roots: genesis.roots, shape: StateShape(layout, genesis.rules.innerOptimizer))
            root = try model.outer.map { try ParameterFile.tree(of: $0).root }
        } catch let error as SafetensorsError {
            throw Failure("the optimizer's state in \(path) cannot be used: \(error)")
        } catch let error as FileError {
            throw Failure("the optimizer's state in \(path) cannot be read: \(error)")
        }
        guard let root, root != genesis.roots.outer else { return }
        throw Failure(
            "the optimizer's state in \(path) is not that of version 0: its root is \(root.short), the genesis names \(genesis.roots.outer.short)",
            advice: anotherModelAdvice)
    }
}
