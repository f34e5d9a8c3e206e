import ArgumentParser
import Crypto
import Ledger
import Rounds
import SiteFiles

struct GenesisCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Put a genesis together from the founders' cards and a model.",
        discussion: """
            The model's tensors, in the order of the file, its small files (configuration, tokenizer) and the digest of \
            its parameters become part of the genesis; the parameters themselves do not, every site gets them as a file.
            """)

    @Option(help: ArgumentHelp("Version 0: a model directory, or a safetensors file.", valueName: "dir"))
    var model: String

    @Flag(help: "The sites train with a program of their own, not with meshtrain: the model needs no config.json.")
    var outsideTrainer = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("The founders' cards.", valueName: "file"))
    var cards: [String]

    @Option(help: ArgumentHelp("Where the genesis goes (default: genesis.mesh).", valueName: "file"))
    var out = "genesis.mesh"

    @Flag(help: "Replace an existing file.")
    var force = false

    @OptionGroup var ruleOptions: RuleOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var members: [Member] = []
        for path in cards { members.append(try SignedCard.read(path).card.member) }
        let set: MemberSet
        do throws(RecordError) {
            set = try MemberSet(members: members)
        } catch {
            throw Failure(GenesisCreateCommand.words(error, members))
        }
        let rules = try ruleOptions.resolved(memberCount: set.count)
        if let fault = rules.fault(memberCount: set.count) {
            throw Failure("a mesh of \(set.count) may not have a rule that \(fault.words)")
        }
        let folder = try ModelFolder(model)
        guard outsideTrainer || folder.hasConfiguration else {
            throw Failure(
                "\(model) has no config.json, and meshtrain does not train a model without one",
                advice: "Name a directory with config.json, or give --outside-trainer if another program trains.")
        }
        let genesis = Genesis(
            nonce: SecretBytes.random(count: 32).withUnsafeBytes { Digest(bytes: $0) } ?? .zero, members: set,
            rules: rules, tensors: TensorShape.list(of: folder.layout), attachments: folder.attachments,
            roots: StateRoots(
                founding: try folder.root(), parameterCount: UInt64(folder.layout.parameterCount),
                rules.innerOptimizer))
        let file = GenesisFile(genesis: genesis, signatures: [])
        guard file.encoded.count <= Limits.genesisFileBytes else {
            throw Failure(
                "the small files of \(model) make a genesis of \(Words.bytes(Int64(file.encoded.count))); at most "
                    + "\(Words.bytes(Int64(Limits.genesisFileBytes))) are possible",
                advice: "Leave configuration and tokenizer in it, and move the rest away.")
        }
        // What cannot be read back is not written.
        guard (try? GenesisFile(encoded: file.encoded)) == file else {
            throw Failure("this genesis would not be valid")
        }
        try OutputFile.write(file.encoded, to: out, isReplacing: force)
        let report = GenesisReport(file, path: out)
        let profile = TrainingProfile(rules).map { "profile \($0.rawValue): \($0.summary)" }
        try output.print(report) {
            """
            \(report.text)
            Training  \(profile ?? "rules of your own; genesis show --rules prints them")

            Written to \(out). Nobody has signed it yet. Send it to every founder, with the model; each runs
              meshctl genesis sign --genesis \(out) --key DIR --model DIR
            and sends the signature back.
            """
        }
    }

    static func words(_ error: RecordError, _ members: [Member]) -> String {
        func repeated<Value: Hashable>(_ value: (Member) -> Value) -> String {
            var seen: [Value: String] = [:]
            for member in members {
                if let other = seen.updateValue(member.name, forKey: value(member)) {
                    return other == member.name ? member.name : "\(other) and \(member.name)"
                }
            }
            return "two sites"
        }
        switch error {
        case .notAscending: return "one site's card was given twice: \(repeated(\.id))"
        case .outOfRange(key: "name"): return "two sites have the same name: \(repeated(\.name))"
        case .outOfRange(key: "link_key"): return "two sites have the same link key: \(repeated(\.linkKey))"
        case .outOfRange(key: "node_key"): return "two sites have the same node key: \(repeated(\.nodeKey))"
        default: return "these cards make no member set: \(error)"
        }
    }
}
