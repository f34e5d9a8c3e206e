import ArgumentParser
import Control
import Crypto
import Ledger
import SiteFiles

struct ProposalWithdrawCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Take this operator's signature back from a proposal.",
        discussion: """
            Frees the operator's place. It is final for this proposal: propose it again to sign it again. A signature that \
            members have counted on already, because their ready records name the proposal, still counts.
            """)

    @Argument(help: "The first digits of its digest; none with --file.")
    var proposal: String?

    @OptionGroup var options: ProposalVerdictOptions

    func validate() throws { try options.check(proposal) }
    func run() throws { try options.say(.withdraw, proposal) }
}

struct ProposalRejectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Sign against a proposal.",
        discussion: """
            Once so many operators reject it that the rules' share cannot sign any more, the proposal is closed and takes no \
            place. A rejection is final for this proposal, and takes the operator's own signature back.
            """)

    @Argument(help: "The first digits of its digest; none with --file.")
    var proposal: String?

    @OptionGroup var options: ProposalVerdictOptions

    func validate() throws { try options.check(proposal) }
    func run() throws { try options.say(.reject, proposal) }
}

/// What both verdicts take.
struct ProposalVerdictOptions: ParsableArguments {
    @OptionGroup var comment: CommentOption

    @Option(help: ArgumentHelp("A proposal's file, where there is no daemon.", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("With --file: where the signed verdict goes.", valueName: "file"))
    var out: String?

    @Flag(help: "Sign without asking.")
    var yes = false

    @OptionGroup var operatorKey: OperatorKeyOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func check(_ proposal: String?) throws {
        guard (proposal == nil) != (file == nil) else {
            throw ValidationError("Give the digits of a proposal's digest, or --file FILE.")
        }
        guard (file == nil) == (out == nil) else { throw ValidationError("--file and --out go together.") }
    }

    struct Report: Encodable {
        let action: String
        let words: String
        let verdict: String
        let comment: String
        let signer: String
        let file: String
    }

    func say(_ verdict: ProposalVerdict, _ digits: String?) throws {
        if let file { return try sign(verdict, file: file) }
        let governance = try GovernanceClient(daemon.connect())
        let found = try governance.proposal(digits ?? "")
        let action = try GovernanceClient.record(SignedGovernanceAction.self, found.proposal).action
        let (judged, _) = try judged(
            verdict, action, governance.members, governance.rules, governance.network,
            shown: { ProposalWords.text(found, .standard) })
        let answer = try governance.judge(judged)
        try output.print(answer) { ProposalWords.judged(answer) }
    }

    /// Where the operator key is: no daemon, no network.
    private func sign(_ verdict: ProposalVerdict, file: String) throws {
        let proposal = try Armour.read(ProposalFile.self, Armour.proposal, from: file)
        let names = proposal.signed.signers(in: proposal.members, network: proposal.network).map {
            proposal.members[$0]?.name ?? $0.short
        }
        let (judged, signer) = try judged(
            verdict, proposal.signed.action, proposal.members, proposal.rules, proposal.network,
            shown: { ProposalWords.text(proposal, signedBy: names) })
        let target = out ?? file
        try OutputFile.write(
            Armour.encode(judged, as: Armour.proposalVerdict), to: target)
        let report = Report(
            action: judged.action.digest.description,
            words: judged.action.change.words(proposal.members, proposal.rules), verdict: verdict.rawValue,
            comment: comment.value.text, signer: signer.member.name, file: target)
        try output.print(report) { "Wrote \(target). Hand it to a daemon with: meshctl proposal import \(target)" }
    }

    private func judged(
        _ verdict: ProposalVerdict, _ action: GovernanceAction, _ members: MemberSet, _ rules: Rules,
        _ network: NetworkID, shown: () -> String
    ) throws -> (JudgedProposal, OperatorSigner) {
        let statement = ProposalVerdictStatement(verdict: verdict, action: action.digest, comment: comment.value)
        if !output.json { print(shown() + "\n") }
        let question =
            verdict == .reject ? "Sign against the proposal to" : "Take the signature back from the proposal to"
        try Confirmation.ask("\(question) \(action.change.words(members, rules))", isGiven: yes)
        let signer = try operatorKey.signer(in: members, areFromDaemon: file == nil)
        let signed = SignedProposalVerdict(
            statement: statement, signature: signer.signature(over: statement, network: network))
        return (JudgedProposal(action: action, verdict: signed), signer)
    }
}

/// A comment that is signed with what it is about.
struct CommentOption: ParsableArguments {
    @Option(
        name: .customLong("comment"),
        help: ArgumentHelp("Why, for the other operators: one line of at most 280 bytes, signed.", valueName: "text"))
    var text: String?

    func validate() throws {
        guard let text, Comment(text) == nil else { return }
        throw ValidationError(
            "--comment takes one line of at most \(Comment.bytesMaximum) bytes without control characters.")
    }

    var value: Comment { text.flatMap { Comment($0) } ?? .none }
}

struct ProposalHistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "What was decided, by whom, the newest first.",
        discussion: """
            Actions that took effect come from the ledger. What was withdrawn, rejected or ended without effect is what \
            this site saw while it ran; the newest 1024 of them are kept.
            """)

    @Option(help: ArgumentHelp("At most so many.", valueName: "1-50"))
    var count: Int64 = 20

    @Option(help: ArgumentHelp("The highest version wanted (default: the head).", valueName: "height"))
    var from: Int64?

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...50).contains(count) else { throw ValidationError("--count must be from 1 to 50.") }
        if let from { try VersionCommand.check(from) }
    }

    func run() throws {
        let connection = try daemon.connect()
        var page = try connection.ask(ProposalHistoryRequest(count: count, from: from))
        var decisions = page.decisions
        // A page without a decision is only a stretch of the chain without any.
        while decisions.isEmpty, let next = page.next {
            page = try connection.ask(ProposalHistoryRequest(count: count, from: next))
            decisions = page.decisions
        }
        let history = ProposalHistory(decisions: decisions, next: page.next)
        try output.print(history) { ProposalHistoryCommand.text(history) }
    }

    static func text(_ history: ProposalHistory) -> String {
        guard !history.decisions.isEmpty else { return "Nothing was decided." }
        let blocks = history.decisions.map { decision in
            var table = Table()
            table.append("version \(decision.height)", "\(end(decision.end)): \(decision.words)")
            table.append("proposal", decision.action.text)
            if !decision.comment.isEmpty { table.append("comment", decision.comment) }
            table.append("signed by", decision.signed.isEmpty ? "none" : Words.list(decision.signed.map(\.text)))
            for (name, value) in ProposalWords.opinions(decision.against) { table.append(name, value) }
            return table.rendered()
        }
        let rest = history.next.map { "\n\nGo on with: meshctl proposal history --from \($0)" } ?? ""
        return blocks.joined(separator: "\n\n") + rest
    }

    private static func end(_ end: ProposalDecision.End) -> String {
        switch end {
        case .taken: "in force from the next version on"
        case .withdrawn: "withdrawn"
        case .rejected: "rejected"
        case .ended: "ended without effect"
        }
    }
}
