import ArgumentParser
import Crypto
import Glibc
import Ledger
import Rounds
import SiteFiles
import System
import Tensor

struct ForkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "Found a new mesh from a certified version of this one, with whoever follows.",
        discussion: """
            Nobody is asked: a member holds parameters, ledger and rules. Writes a directory with an unsigned genesis \
            that names the old network and version, and with that version's parameters as the model. The new founders \
            sign it (genesis sign, genesis assemble) and start their daemons on it, each with a state directory of its \
            own. Takes everything from the local daemon; or, without one, an exported ledger with --parameters (a model \
            directory of that version) or --model (version 0, to recompute from). All of it is verified. Where the sites \
            share one optimizer, its state goes along: training goes on at the same place of the schedule.
            """)

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp("The version to begin from (default: the head).", valueName: "height"))
    var height: Int64?

    @Option(
        help: ArgumentHelp("Members of the old mesh that found the new one: names, with commas.", valueName: "names"))
    var members: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Cards of founders that are new, or have new keys.", valueName: "file"))
    var cards: [String] = []

    @Option(help: ArgumentHelp("The directory to write (default: fork).", valueName: "dir"))
    var out = "fork"

    @Option(
        help: ArgumentHelp("The old mesh's genesis (default: the one that the configuration names).", valueName: "file")
    )
    var genesis: String?

    @Option(help: ArgumentHelp("An exported ledger, in place of the daemon's.", valueName: "file"))
    var ledger: String?

    @Option(help: ArgumentHelp("The version's parameters, for --ledger.", valueName: "dir"))
    var parameters: String?

    @Option(help: ArgumentHelp("Version 0 to recompute the version from, for --ledger.", valueName: "dir"))
    var model: String?

    @Flag(help: "Begin with an empty state of the shared optimizer and at the warm-up of the schedule.")
    var resetOptimizer = false

    @Flag(help: "Replace files that are in the directory.")
    var force = false

    @OptionGroup var ruleOptions: RuleOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let height { try VersionCommand.check(height) }
        guard members != nil || !cards.isEmpty else {
            throw ValidationError("Name the founders: --members NAME,NAME or --cards FILE ...")
        }
        guard (ledger == nil) == (model == nil && parameters == nil), model == nil || parameters == nil else {
            throw ValidationError("--ledger goes together with --parameters or with --model.")
        }
    }

    struct Report: Encodable {
        let directory: String
        let origin: Origin
        let height: UInt64
        let network: String
        let founders: [String]
        let rules: String
        /// The steps behind the state of the shared optimizer that goes along; nil if none does.
        let optimizerSteps: Int?
    }

    func run() throws {
        guard let path = try genesis ?? daemon.configuration()?.mesh.genesis else {
            throw Failure("no genesis file was named", advice: "Give --genesis FILE or --config FILE.")
        }
        let founding = try GenesisFile.readComplete(path).genesis
        let file = out + "/genesis.mesh"
        let weights = out + "/model/model.safetensors"
        let state = out + "/model/" + OptimizerStateFile.name
        for name in [file, weights, state] where File.exists(name) && !force {
            throw Failure("\(name) exists already", advice: "Choose another directory with --out, or give --force.")
        }
        try Folder.make(out, mode: 0o755)
        try Folder.make(out + "/model", mode: 0o755)
        let source = try ForkSource(
            founding, height.map { Height(UInt64($0)) },
            keepsOptimizer: { try !resetOptimizer && terms(after: $0).rules.innerOptimizer.isShared }, scratch: out)
        defer { source.removeScratch() }
        let point =
            if let ledger {
                try source.read(ledger: ledger, parameters: parameters, model: model)
            } else {
                try source.ask(try daemon.connect())
            }
        let chain = point.chain
        let new = try founded(from: point, founding)
        try ModelFolder.write(
            point.parameters, layout: source.layout, genesis: founding, height: Int64(chain.height.value),
            version: chain.headDigest.description, to: weights)
        var optimizerSteps: Int?
        if let optimizer = point.optimizer {
            try ModelFolder.write(
                optimizer: optimizer, root: chain.head.roots.outer.description, layout: source.layout,
                genesis: founding, height: Int64(chain.height.value), version: chain.headDigest.description,
                in: out + "/model")
            optimizerSteps = try SharedState.steps(of: optimizer)
        } else {
            // With --force: of another genesis.
            unlink(state)
        }
        for attachment in ModelFolder.files(of: founding) {
            try OutputFile.write(attachment.bytes, to: out + "/model/" + attachment.name, isReplacing: force)
        }
        try OutputFile.write(GenesisFile(genesis: new, signatures: []).encoded, to: file, isReplacing: force)
        try report(new, chain, optimizerSteps)
    }

    /// Members by name, then those of the cards; a card of a member that was named takes its place.
    private func founders(of chain: Chain) throws -> [Member] {
        var founders: [Member] = []
        for name in members?.split(separator: ",").map(String.init) ?? [] {
            guard let member = chain.members.members.first(where: { $0.name == name }) else {
                throw Failure(
                    "\(name) is no member at version \(chain.height): members are "
                        + Words.list(chain.members.members.map(\.name)),
                    advice: "A site that is new comes with its card: --cards FILE.")
            }
            founders.append(member)
        }
        for path in cards {
            let member = try SignedCard.read(path).card.member
            founders.removeAll { $0.id == member.id }
            founders.append(member)
        }
        return founders
    }

    /// Members and rules of the new mesh.
    private func terms(after chain: Chain) throws -> (members: MemberSet, rules: Rules) {
        let founders = try founders(of: chain)
        let set: MemberSet
        do throws(RecordError) {
            set = try MemberSet(members: founders)
        } catch {
            throw Failure(GenesisCreateCommand.words(error, founders))
        }
        let rules = try ruleOptions.resolved(from: chain.rules, memberCount: set.count)
        if let fault = rules.fault(memberCount: set.count) {
            throw Failure("a mesh of \(set.count) may not have a rule that \(fault.words)")
        }
        return (set, rules)
    }

    private func founded(from point: ForkPoint, _ founding: Genesis) throws -> Genesis {
        let chain = point.chain
        let (set, rules) = try terms(after: chain)
        let roots =
            point.optimizer != nil
            ? chain.head.roots
            : StateRoots(
                founding: chain.head.roots.parameters, parameterCount: UInt64(point.parameters.parameterCount),
                rules.innerOptimizer)
        return Genesis(
            nonce: SecretBytes.random(count: 32).withUnsafeBytes { Digest(bytes: $0) } ?? .zero, members: set,
            rules: rules, tensors: founding.tensors, attachments: founding.attachments, roots: roots,
            origin: ForkOrigin(network: founding.network, version: chain.headDigest, roots: chain.head.roots))
    }

    private func report(_ genesis: Genesis, _ chain: Chain, _ optimizerSteps: Int?) throws {
        guard let origin = genesis.origin else { preconditionFailure("a fork has an origin") }
        let report = Report(
            directory: out, origin: Origin(origin), height: chain.height.value, network: genesis.network.description,
            founders: genesis.members.members.map(\.name).sorted(), rules: genesis.rules.digest.description,
            optimizerSteps: optimizerSteps)
        let loss = genesis.members.faultBound == 0 ? "\nWith so few founders the loss of any one stops the mesh." : ""
        let schedule = genesis.rules.scheduleSteps
        let state =
            optimizerSteps.map {
                "\nThe state of the shared optimizer goes along, with \($0) steps behind it: "
                    + ($0 < schedule ? "the schedule has \(schedule)" : "the schedule of \(schedule) is at its end")
            } ?? ""
        try output.print(report) {
            """
            Version \(chain.height) (\(chain.headDigest.short)) of network \(origin.network.short) as a mesh of its own
            Network \(genesis.network.short), founded by \(Words.list(report.founders)): \(genesis.members.quorum) must sign\(loss)\(state)

            Written to \(out). Nobody has signed it yet. Send the directory to every founder; each runs
              meshctl genesis sign --genesis \(out)/genesis.mesh --key DIR --model \(out)/model
            and sends the signature back. Each daemon of the new mesh takes a new state directory.
            """
        }
    }
}
