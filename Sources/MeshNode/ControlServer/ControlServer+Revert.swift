import Control
import Crypto
import Ledger

extension ControlServer {
    /// The replay that is under way, for `status`.
    var replayState: ReplayState? {
        let pending = chain.governance.pendingReverts.count
        guard pending > 0 else { return nil }
        return ReplayState(
            version: keeper.course?.mark.map { Int64($0.height.value) }, through: Int64(chain.height.value),
            reverts: Int64(pending), trouble: keeper.course?.trouble.map { "\($0)" })
    }

    func answerRevertPreview(_ id: Int64, _ parameters: RevertPreviewRequest, _ connection: ControlConnection) {
        let exclusion: Exclusion
        switch (parameters.contribution, parameters.dataSet) {
        case (let contribution?, nil): exclusion = .contribution(ContributionDigest(digest(contribution)))
        case (nil, let dataSet?): exclusion = .dataSet(digest(dataSet), bindsFuture: false)
        default:
            return connection.refuse(
                id, ControlRefusal(.invalidParameters, message: "name either a contribution or a dataSet"))
        }
        guard let from = existing(parameters.from, id, connection) else { return }
        let study = RevertStudy(
            chain: chain, exclusion: exclusion, from: parameters.from == nil ? nil : max(from, Height.genesis.next),
            database: keeper.database)
        read(
            id, connection, { () throws(StoreError) -> RevertStudy.Finding in try study.run() },
            { [self] finding in
                connection.answer(id, to: RevertPreviewRequest.self, preview(finding, study))
            })
    }

    private func preview(_ finding: RevertStudy.Finding, _ study: RevertStudy) -> RevertPreview {
        func listed(_ places: [RevertStudy.Place]) -> [RevertedContribution] {
            places.prefix(RevertPreview.listMaximum).map { place in
                let members = study.chain.history.members(of: place.height) ?? study.chain.members
                return RevertedContribution(
                    height: Int64(place.height.value), author: siteName(place.author, in: members),
                    contribution: text(place.contribution))
            }
        }
        return RevertPreview(
            from: Int64(finding.from.value), oldest: Int64(study.oldest.value), versions: Int64(finding.versions),
            bytes: Int64(clamping: finding.bytes),
            milliseconds: keeper.averagingMilliseconds.map { Int64(clamping: $0 * finding.versions) },
            excluded: listed(finding.excluded), excludedCount: Int64(finding.excluded.count),
            affected: listed(finding.affected), affectedCount: Int64(finding.affected.count),
            outOfReachCount: Int64(finding.outOfReach), refusal: finding.fault.map { "\($0)" })
    }
}

/// Finds out what a revert would touch. Reads every version once.
struct RevertStudy: Sendable {
    let chain: Chain
    let exclusion: Exclusion
    let from: Height?
    let database: LedgerDatabase

    struct Place: Sendable {
        let height: Height
        let author: MemberID
        let contribution: ContributionDigest
    }

    struct Finding: Sendable {
        var from: Height
        var versions: UInt64 = 0
        var bytes: UInt64 = 0
        var excluded: [Place] = []
        var affected: [Place] = []
        var outOfReach = 0
        var fault: ActionFault?
    }

    /// The oldest version from which a revert may reach.
    var oldest: Height { chain.oldestRevertable }

    private func isNamed(_ contribution: Contribution) -> Bool {
        switch exclusion {
        case .contribution(let digest): contribution.contributionDigest == digest
        case .dataSet(let digest, _): contribution.dataSets.contains(digest)
        }
    }

    func run() throws(StoreError) -> Finding {
        var finding = Finding(from: from ?? oldest)
        var height = Height.genesis
        var bytes: [(height: Height, bytes: UInt64)] = []
        while height < chain.height {
            height = height.next
            guard let certified = try database.version(at: height) else { continue }
            bytes.append((height, certified.contributions.reduce(0) { $0 &+ $1.body.payloadBytes }))
            for contribution in certified.contributions.map(\.body) {
                let place = Place(
                    height: height, author: contribution.author, contribution: contribution.contributionDigest)
                if isNamed(contribution) {
                    if height < finding.from { finding.outOfReach += 1 } else { finding.excluded.append(place) }
                } else if let first = finding.excluded.first, contribution.baseHeight >= first.height {
                    finding.affected.append(place)
                }
            }
        }
        if from == nil, let first = finding.excluded.first { finding.from = first.height }
        let action = GovernanceAction(
            change: .revert(exclusion, from: finding.from), sequence: chain.governance.nextSequence(about: .history),
            first: chain.nextHeight, last: chain.nextHeight)
        do throws(ActionFault) { _ = try chain.outcome(of: action) } catch { finding.fault = error }
        let start = chain.governance.reverting(
            action, at: chain.nextHeight, rules: chain.rules, members: chain.members.count
        ).replayFrom
        let first = min(start ?? finding.from, chain.nextHeight)
        finding.versions = chain.nextHeight.value - first.value
        finding.bytes = bytes.filter { $0.height >= first }.reduce(0) { $0 &+ $1.bytes }
        return finding
    }
}
