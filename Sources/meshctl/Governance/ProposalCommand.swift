import ArgumentParser
import Control
import Crypto
import Ledger
import SiteFiles
import System

struct ProposalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proposal", abstract: "See, sign, withdraw, reject and carry proposals, and see what was decided.",
        subcommands: [
            ProposalListCommand.self, ProposalShowCommand.self, ProposalApproveCommand.self,
            ProposalWithdrawCommand.self, ProposalRejectCommand.self, ProposalExportCommand.self,
            ProposalImportCommand.self, ProposalHistoryCommand.self,
        ])
}

struct ProposalListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Proposals that are not in force, and what each still lacks.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let governance = try GovernanceClient(daemon.connect())
        var proposals: [ProposalSummary] = []
        try governance.eachProposal { proposals.append($0) }
        try output.print(proposals) {
            guard !proposals.isEmpty else { return "Nothing is proposed." }
            var table = Table(["proposal", "would", "signed", "versions", "lacks"])
            for proposal in proposals {
                table.append(
                    Words.short(proposal.action.text), proposal.words,
                    "\(proposal.signed.count) of \(proposal.operatorsNeeded)", "\(proposal.first) to \(proposal.last)",
                    ProposalWords.lacks(proposal))
            }
            return table.rendered()
        }
    }
}

struct ProposalShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One proposal in full: who signed, who is ready, what is missing.")

    @Argument(help: "The first digits of its digest.")
    var proposal: String

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let found = try GovernanceClient(daemon.connect()).proposal(proposal)
        try output.print(found) { ProposalWords.text(found, .standard) }
    }
}

struct ProposalApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Sign a proposal with the operator key, after showing what it does.",
        discussion: """
            With --file the proposal comes from a file and the signed one goes to a file: no daemon is asked, the operator \
            key can lie on a machine without a network. Bring it back with: meshctl proposal import.
            """)

    @Argument(help: "The first digits of its digest; none with --file.")
    var proposal: String?

    @Option(help: ArgumentHelp("A proposal's file.", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("With --file: where the signed one goes (default: the same file).", valueName: "file"))
    var out: String?

    @Flag(help: "Sign without asking.")
    var yes = false

    @OptionGroup var operatorKey: OperatorKeyOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (proposal == nil) != (file == nil) else {
            throw ValidationError("Give the digits of a proposal's digest, or --file FILE.")
        }
        guard out == nil || file != nil else { throw ValidationError("--out belongs to --file.") }
    }

    func run() throws {
        if let file { try approve(file: file) } else { try approve(digits: proposal ?? "") }
    }

    struct Report: Encodable {
        let action: String
        let words: String
        let signer: String
        let signed: Int
        let operatorsNeeded: Int
        let file: String?
    }

    private func approve(digits: String) throws {
        let governance = try GovernanceClient(daemon.connect())
        let found = try governance.proposal(digits)
        if let fault = found.summary.fault { throw Failure("this proposal cannot take effect: it \(fault)") }
        let signed = try GovernanceClient.record(SignedGovernanceAction.self, found.proposal)
        // What is signed is what the record says: the words are made of it here, and not taken from the daemon.
        let signer = try confirmed(signed, governance.members, governance.rules) {
            ProposalWords.text(found, .standard)
        }
        try governance.submit(ProposalApproveCommand.adding(signer, to: signed, network: governance.network))
        try report(
            signed, signer, governance.members, governance.rules, others: found.summary.signed.map(\.text), file: nil)
    }

    private func approve(file path: String) throws {
        let proposal = try Armour.read(ProposalFile.self, Armour.proposal, from: path)
        let signed = proposal.signed
        let names = signed.signers(in: proposal.members, network: proposal.network).map {
            proposal.members[$0]?.name ?? $0.short
        }
        let signer = try confirmed(signed, proposal.members, proposal.rules) {
            ProposalWords.text(proposal, signedBy: names)
        }
        let target = out ?? path
        let result = ProposalFile(
            network: proposal.network, height: proposal.height, members: proposal.members, rules: proposal.rules,
            signed: ProposalApproveCommand.adding(signer, to: signed, network: proposal.network))
        try OutputFile.write(Armour.encode(result, as: Armour.proposal), to: target)
        try report(signed, signer, proposal.members, proposal.rules, others: names, file: target)
    }

    /// Shows the proposal, asks, and gives the operator that signs.
    private func confirmed(
        _ signed: SignedGovernanceAction, _ members: MemberSet, _ rules: Rules, shown: () -> String
    ) throws -> OperatorSigner {
        if !output.json { print(shown() + "\n") }
        try Confirmation.ask("Sign to \(signed.action.change.words(members, rules))", isGiven: yes)
        return try operatorKey.signer(in: members, areFromDaemon: file == nil)
    }

    private static func adding(
        _ signer: OperatorSigner, to signed: SignedGovernanceAction, network: NetworkID
    ) -> SignedGovernanceAction {
        let others = signed.operators.filter { $0.signer != signer.member.id }
        return SignedGovernanceAction(
            action: signed.action, operators: others + [signer.signature(over: signed.action, network: network)],
            possession: signed.possession)
    }

    private func report(
        _ signed: SignedGovernanceAction, _ signer: OperatorSigner, _ members: MemberSet, _ rules: Rules,
        others: [String], file: String?
    ) throws {
        let report = Report(
            action: signed.action.digest.description, words: signed.action.change.words(members, rules),
            signer: signer.member.name, signed: Set(others + [signer.member.name]).count,
            operatorsNeeded: rules.operatorsNeeded(memberCount: members.count), file: file)
        try output.print(report) {
            "\(report.signer) signed: \(report.signed) of \(report.operatorsNeeded) operators."
                + (file.map { "\nWrote \($0). Hand it to a daemon with: meshctl proposal import \($0)" } ?? "")
        }
    }
}

struct ProposalExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a proposal to a file, to be signed where there is no daemon.")

    @Argument(help: "The first digits of its digest.")
    var proposal: String

    @Option(help: ArgumentHelp("The file.", valueName: "file"))
    var out: String

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let governance = try GovernanceClient(daemon.connect())
        let found = try governance.proposal(proposal)
        let file = governance.file(of: try GovernanceClient.record(SignedGovernanceAction.self, found.proposal))
        try OutputFile.write(Armour.encode(file, as: Armour.proposal), to: out)
        try output.print(found) {
            "Wrote \(out). Sign it where the operator key is: meshctl proposal approve --file \(out) --key DIR"
        }
    }
}

struct ProposalImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Hand a signed proposal, withdrawal or rejection from a file to the daemon.")

    @Argument(help: "The file.")
    var file: String

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let bytes = try File.contents(of: file, limitBytes: Armour.fileBytesMaximum)
        if let judged = try? Armour.decode(JudgedProposal.self, Armour.proposalVerdict, bytes, name: file) {
            let governance = try GovernanceClient(daemon.connect())
            let answer = try governance.judge(judged)
            return try output.print(answer) { ProposalWords.judged(answer) }
        }
        let proposal = try Armour.decode(ProposalFile.self, Armour.proposal, bytes, name: file)
        let governance = try GovernanceClient(daemon.connect())
        guard proposal.network == governance.network else {
            throw Failure(
                "\(file) is of network \(proposal.network.short), and this daemon is in network \(governance.network.short)"
            )
        }
        guard !proposal.signed.operators.isEmpty else {
            throw Failure(
                "\(file) is signed by nobody", advice: "Sign it with: meshctl proposal approve --file \(file)")
        }
        let checked = try governance.submit(proposal.signed)
        try output.print(checked) {
            "Handed over: \(checked.words). \(checked.signed.count) of \(checked.operatorsNeeded) operators have signed."
        }
    }
}

/// Proposals in words.
enum ProposalWords {
    static func lacks(_ proposal: ProposalSummary) -> String {
        if let fault = proposal.fault { return "cannot take effect: it \(fault)" }
        var lacks: [String] = []
        let operators = Int(proposal.operatorsNeeded) - proposal.signed.count
        if operators > 0 {
            lacks.append(
                "\(Words.count(operators, "operator", "operators")) of \(Words.list(proposal.missing.map(\.text)))")
        }
        if proposal.isClosed {
            return "cannot take effect: \(Words.list(proposal.against.map(\.site.text))) will not sign it"
        }
        if proposal.isPossessionSigned == false { lacks.append("the signature of the new node key") }
        let ready = Int(proposal.readyNeeded) - proposal.ready.count
        if ready > 0 {
            lacks.append("the readiness of \(ready) of \(Words.list(proposal.notReady.map(\.text)))")
        }
        return lacks.isEmpty ? "nothing: the next version carries it" : lacks.joined(separator: ", ")
    }

    static func text(_ proposal: ProposalResponse, _ terminal: Terminal) -> String {
        let summary = proposal.summary
        var table = Table()
        table.append("proposal", summary.action.text)
        table.append("would", summary.words)
        table.append("number", "\(summary.sequence)")
        table.append("versions", "\(summary.first) to \(summary.last)")
        if !summary.comment.isEmpty { table.append("comment", summary.comment) }
        table.append("signed by", summary.signed.isEmpty ? "nobody" : summary.signed.map(\.text).joined(separator: " "))
        if summary.readyNeeded > 0 {
            table.append(
                "ready", summary.ready.isEmpty ? "nobody" : summary.ready.map(\.text).joined(separator: " "))
        }
        for (name, value) in opinions(summary.against) { table.append(name, value) }
        table.append("lacks", lacks(summary))
        for (name, value) in FigureWords.lines(proposal.before, proposal.after) { table.append(name, value) }
        let warnings = proposal.after.map { FigureWords.warnings(proposal.before, $0) } ?? []
        return ([table.rendered(terminal)] + warnings.map { terminal.paint($0, .warning) }).joined(separator: "\n")
    }

    static func judged(_ answer: ProposalJudged) -> String {
        answer.isClosed
            ? "The proposal to \(answer.words) cannot take effect any more, and takes no operator's place."
            : "The proposal to \(answer.words) stays open: \(answer.signed.count) of \(answer.operatorsNeeded) operators have signed."
    }

    /// A line per operator that is against a proposal, for a table.
    static func opinions(_ against: [ProposalOpinion]) -> [(String, String)] {
        against.enumerated().map { index, opinion in
            let words = opinion.verdict == .reject ? "rejects it" : "took its signature back"
            let comment = opinion.comment.isEmpty ? "" : ": \(opinion.comment)"
            return (index == 0 ? "against" : "", "\(opinion.site) \(words)\(comment)")
        }
    }

    /// A proposal that came as a file. Names are as whoever exported it says, so keys stand beside them.
    static func text(_ proposal: ProposalFile, signedBy names: [String]) -> String {
        let action = proposal.signed.action
        var table = Table()
        table.append("network", proposal.network.description)
        table.append("proposal", action.digest.description)
        table.append("would", action.change.words(proposal.members, proposal.rules))
        table.append("number", "\(action.sequence)")
        table.append(
            "versions", "\(action.first) to \(action.last); \(proposal.height) was the next when it was exported")
        if !action.comment.isEmpty { table.append("comment", action.comment.text) }
        table.append("signed by", names.isEmpty ? "nobody" : names.joined(separator: " "))
        return table.rendered()
    }
}
