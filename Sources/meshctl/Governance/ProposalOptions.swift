import ArgumentParser
import Control
import Crypto
import Ledger
import SiteFiles

/// What all verbs take that propose an action.
struct ProposalOptions: ParsableArguments {
    @OptionGroup var operatorKey: OperatorKeyOptions
    @OptionGroup var comment: CommentOption

    @Option(help: ArgumentHelp("The first version that may carry it (default: the next).", valueName: "height"))
    var first: UInt64?

    @Option(
        help: ArgumentHelp("The last version that may carry it (default: 1000 after the first).", valueName: "height"))
    var last: UInt64?

    @Flag(help: "Do not sign: write the proposal to --out, for an operator key on a machine without a daemon.")
    var unsigned = false

    @Option(help: ArgumentHelp("Write the proposal to this file and do not hand it to the daemon.", valueName: "file"))
    var out: String?

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    /// So many versions may pass before a proposal is void.
    static let windowVersions: UInt64 = 1000

    func validate() throws {
        guard !unsigned || out != nil else { throw ValidationError("--unsigned needs --out FILE.") }
    }

    /// Checks the action against the daemon's chain, says what it would do, signs it, and hands it over or writes it.
    ///
    /// - Parameter possession: the signature of a new node key over the action, where it is at hand.
    func propose(
        _ change: Change, _ governance: GovernanceClient,
        possession: (GovernanceAction) throws -> Signature? = { _ in nil }
    ) throws {
        let action = try action(change, governance)
        let draft = SignedGovernanceAction(action: action, operators: [], possession: try possession(action))
        // Before anybody signs: what can never take effect is refused here, with its reason.
        let checked = try governance.check(draft)
        var signed = draft
        if !unsigned {
            let signer = try operatorKey.signer(in: governance.members, areFromDaemon: true)
            signed = SignedGovernanceAction(
                action: action, operators: [signer.signature(over: action, network: governance.network)],
                possession: draft.possession)
        }
        if let out {
            try OutputFile.write(
                Armour.encode(governance.file(of: signed), as: Armour.proposal), to: out)
        } else {
            try governance.submit(signed)
        }
        let report = ProposedReport(checked, action, file: out, isSigned: !unsigned)
        try output.print(report) { report.text(.standard) }
    }

    func action(_ change: Change, _ governance: GovernanceClient) throws -> GovernanceAction {
        let first = Height(first ?? governance.height.value)
        guard first.value <= Limits.heightMaximum - ProposalOptions.windowVersions else {
            throw Failure("--first \(first) is no height that the chain will see")
        }
        let last = Height(last ?? first.value + ProposalOptions.windowVersions)
        guard last >= first, last.value <= Limits.heightMaximum else {
            throw Failure("--last \(last) must not be before \(first), the first height")
        }
        guard last >= governance.height else {
            throw Failure("--last \(last) has passed: version \(governance.height) is the next")
        }
        return GovernanceAction(
            change: change, sequence: governance.sequence, first: first, last: last, comment: comment.value)
    }
}

/// What was proposed, for programs and people.
struct ProposedReport: Encodable {
    let action: String
    let words: String
    let sequence: UInt64
    let first: UInt64
    let last: UInt64
    let before: MeshFigures
    let after: MeshFigures
    let warnings: [String]
    let isSigned: Bool
    let file: String?

    init(_ checked: ProposalChecked, _ action: GovernanceAction, file: String?, isSigned: Bool) {
        self.action = checked.action.text
        words = checked.words
        sequence = action.sequence
        first = action.first.value
        last = action.last.value
        before = checked.before
        after = checked.after
        warnings = FigureWords.warnings(checked.before, checked.after)
        self.isSigned = isSigned
        self.file = file
    }

    func text(_ terminal: Terminal) -> String {
        var table = Table()
        table.append("proposal", action)
        table.append("would", words)
        table.append("number", "\(sequence)")
        table.append("versions", "\(first) to \(last)")
        for (name, value) in FigureWords.lines(before, after) { table.append(name, value) }
        var lines = [table.rendered(terminal)]
        lines += warnings.map { terminal.paint($0, .warning) }
        lines.append("")
        switch (file, isSigned) {
        case (let file?, false):
            lines.append("Wrote \(file), unsigned. Sign it where the operator key is:")
            lines.append("  meshctl proposal approve --file \(file) --key DIR")
        case (let file?, true):
            lines.append("Wrote \(file), signed. Hand it to a daemon with: meshctl proposal import \(file)")
        case (nil, _):
            lines.append("Proposed and signed; \(before.operatorsNeeded) operators must sign. The others do with:")
            lines.append("  meshctl proposal approve \(action.prefix(12)) --key DIR")
        }
        return lines.joined(separator: "\n")
    }
}

/// The numbers of a member set before and after an action.
enum FigureWords {
    static func lines(_ before: MeshFigures, _ after: MeshFigures?) -> [(String, String)] {
        func change(_ old: Int64, _ new: Int64?) -> String {
            guard let new, new != old else { return "\(old)" }
            return "\(old) -> \(new)"
        }
        return [
            ("members (n)", change(before.members, after?.members)),
            ("may be faulty (f)", change(before.faultBound, after?.faultBound)),
            ("must sign a version (q)", change(before.quorum, after?.quorum)),
            ("operators that decide", change(before.operatorsNeeded, after?.operatorsNeeded)),
        ]
    }

    static func warnings(_ before: MeshFigures, _ after: MeshFigures) -> [String] {
        var warnings: [String] = []
        if after.faultBound < before.faultBound {
            warnings.append(
                "This lowers f: of \(after.members) members \(after.faultBound) instead of \(before.faultBound) may fail or cheat without harm."
            )
        }
        if after.faultBound == 0, before.members != after.members {
            warnings.append(
                "With \(after.members) members nobody may fail: a lost journal of one can only be resolved by a fork.")
        }
        return warnings
    }
}
