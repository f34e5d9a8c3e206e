import Control
import Crypto
import Gossip
import Ledger

/// What operators say against proposals, and what became of them.
extension ControlServer {
    func answerProposalJudge(_ id: Int64, _ parameters: ProposalJudge, _ connection: ControlConnection) {
        func refuse(_ words: String) {
            connection.refuse(id, ControlRefusal(.invalidAction, message: "the proposal \(words)"))
        }
        let judged: JudgedProposal
        do throws(RecordError) {
            judged = try JudgedProposal(encoded: parameters.judged.bytes)
        } catch {
            return refuse("is no record of a verdict: \(error)")
        }
        if let refusal = keeper.node.refusal(of: judged) { return refuse(words(refusal)) }
        keeper.feed(.judge(judged))
        let report = pending(judged.action.digest)
        connection.answer(
            id, to: ProposalJudge.self,
            ProposalJudged(
                action: text(judged.action.digest), words: judged.action.change.words(chain.members, chain.rules),
                signed: names(Set(report?.operators ?? [])),
                operatorsNeeded: Int64(chain.rules.operatorsNeeded(memberCount: chain.members.count)),
                isClosed: report?.isClosed ?? true))
    }

    func opinions(_ verdicts: [SignedProposalVerdict], among members: MemberSet) -> [ProposalOpinion] {
        verdicts.map { verdict in
            ProposalOpinion(
                site: siteName(verdict.signer, in: members),
                verdict: verdict.statement.verdict == .reject ? .reject : .withdraw,
                comment: verdict.statement.comment.text)
        }.sorted { $0.site < $1.site }
    }

    // MARK: History

    func answerProposalHistory(_ id: Int64, _ parameters: ProposalHistoryRequest, _ connection: ControlConnection) {
        guard let top = existing(parameters.from, id, connection) else { return }
        let study = HistoryStudy(top: top, count: Int(clamping: parameters.count), database: keeper.database)
        read(
            id, connection, { () throws(StoreError) in try study.run() },
            { [self] finding in
                connection.answer(
                    id, to: ProposalHistoryRequest.self,
                    ProposalHistory(
                        decisions: finding.decisions.compactMap { decision(of: $0) },
                        next: finding.next.map { Int64(clamping: $0.value) }))
            })
    }

    private func decision(of row: DecisionRow) -> ProposalDecision? {
        let action = row.signed.action
        guard let kind = VersionResponse.Action(rawValue: action.change.kind),
            let end = ProposalDecision.End(rawValue: row.end.rawValue)
        else { return nil }
        // A decision of the version at this height was made by its set, under its rules.
        let height = row.end == .taken ? row.height : row.height.next
        let members = chain.history.members(of: height) ?? chain.members
        let rules = chain.governance.pastRules.first { $0.through >= height }?.rules ?? chain.rules
        return ProposalDecision(
            height: Int64(clamping: row.height.value), action: text(action.digest), kind: kind,
            words: action.change.words(members, rules), comment: action.comment.text, end: end,
            signed: row.signed.operators.map { siteName($0.signer, in: members) }.sorted(),
            against: opinions(row.verdicts, among: members), at: row.at.map { Int64(clamping: $0) })
    }
}

/// Looks for decisions from a version downwards: in the versions themselves, and among what this site saw end.
struct HistoryStudy: Sendable {
    let top: Height
    let count: Int
    let database: LedgerDatabase

    struct Finding: Sendable {
        /// The newest first.
        var decisions: [DecisionRow] = []
        /// Where to go on; nil at the beginning.
        var next: Height?
    }

    /// So many versions are read for one page.
    static let versionsMaximum: UInt64 = 4096

    func run() throws(StoreError) -> Finding {
        var local: [Height: [DecisionRow]] = [:]
        for row in try database.decisions() { local[row.height, default: []].append(row) }
        var finding = Finding()
        var height = top
        while true {
            var rows = local[height] ?? []
            if height > .genesis, let action = try database.version(at: height)?.embedded.action {
                let seen = rows.first { $0.signed.action == action.action && $0.end == .taken }
                rows.removeAll { $0.end == .taken }
                rows.append(
                    DecisionRow(
                        signed: action.signed, verdicts: seen?.verdicts ?? [], end: .taken, height: height, at: seen?.at
                    ))
            }
            finding.decisions += rows.reversed()
            guard height > .genesis else { return finding }
            height = Height(height.value - 1)
            guard finding.decisions.count < count, top.value - height.value < HistoryStudy.versionsMaximum else {
                finding.next = height
                return finding
            }
        }
    }
}
