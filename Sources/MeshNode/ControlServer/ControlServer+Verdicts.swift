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
        if let refusal = driver.node.refusal(of: judged) { return refuse(words(refusal)) }
        driver.feed(.judge(judged))
        let report = pending(judged.action.digest)
        connection.answer(
            id, to: ProposalJudge.self,
            ProposalJudged(
                action: text(judged.action.digest), words: judged.action.change.words(chain.members, chain.rules),
                signed: names(Set(report?.operators ?? [])),
                operatorsNeeded: Int64(chain.rules.operatorsNeeded(memberCount: chain.members.count)),
                isClosed: report?.isClosed ?? true))
    }

    /// At most as many as an answer has room for, by ascending name.
    func opinions(_ verdicts: [SignedProposalVerdict], among members: MemberSet) -> [ProposalOpinion] {
        let all = verdicts.map { verdict in
            ProposalOpinion(
                site: siteName(verdict.signer, in: members),
                verdict: verdict.statement.verdict == .reject ? .reject : .withdraw,
                comment: verdict.statement.comment.text)
        }
        return Array(all.sorted { $0.site < $1.site }.prefix(ProposalOpinion.listMaximum))
    }

    // MARK: History

    func answerProposalHistory(_ id: Int64, _ parameters: ProposalHistoryRequest, _ connection: ControlConnection) {
        guard let top = existing(parameters.from, id, connection) else { return }
        search(HistorySearch(top: top, count: Int(clamping: parameters.count)), through: top, id, connection) { found in
            connection.answer(
                id, to: ProposalHistoryRequest.self,
                ProposalHistory(
                    decisions: found.decisions.compactMap { self.decision(of: $0) },
                    next: found.next.map { Int64(clamping: $0.value) }))
        }
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
            signed: Array(
                row.signed.operators.map { siteName($0.signer, in: members) }.sorted().prefix(
                    ProposalDecision.signedMaximum)),
            against: opinions(row.verdicts, among: members), at: row.at.map { Int64(clamping: $0) })
    }
}

/// Collects decisions: those of versions, and those that this site saw end.
struct HistorySearch: LedgerSearch {
    let top: Height
    let count: Int
    /// The newest first.
    private(set) var decisions: [DecisionRow] = []
    /// The version to go on from; nil once the beginning was reached.
    private(set) var next: Height?
    /// What this site saw end at the heights that are looked at.
    private var seen: [Height: [DecisionRow]] = [:]

    /// So many versions are looked at for one page.
    static let versionsMaximum: UInt64 = 4096

    init(top: Height, count: Int) {
        self.top = top
        self.count = count
    }

    mutating func prepare(_ heights: ClosedRange<Height>, _ database: LedgerDatabase) throws(StoreError) {
        seen = Dictionary(grouping: try database.decisions(in: heights), by: \.height)
    }

    mutating func meets(_ certified: CertifiedVersion) -> Bool {
        let height = certified.height
        var rows = seen[height] ?? []
        if let action = certified.embedded.action {
            let known = rows.first { $0.signed.action == action.action && $0.end == .taken }
            rows.removeAll { $0.end == .taken }
            rows.insert(
                DecisionRow(
                    signed: action.signed, verdicts: known?.verdicts ?? [], end: .taken, height: height, at: known?.at),
                at: 0)
        }
        decisions += rows
        next = Height(height.value - 1)
        return decisions.count >= count || top.value - height.value + 1 >= HistorySearch.versionsMaximum
    }

    mutating func meetsGenesis() {
        decisions += seen[.genesis] ?? []
        next = nil
    }
}
