import Control
import Crypto
import Ledger

extension ControlServer {
    /// The replay that is under way, for `status`.
    var replayState: ReplayState? {
        let pending = chain.governance.pendingReverts.count
        guard pending > 0 else { return nil }
        return ReplayState(
            version: driver.replayProgress?.mark.map { Int64($0.height.value) }, through: Int64(chain.height.value),
            reverts: Int64(pending), trouble: driver.replayProgress?.trouble.map { "\($0)" })
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
            chain: chain, exclusion: exclusion, from: parameters.from == nil ? nil : max(from, Height.genesis.next))
        show(study, Height.genesis.next, id, connection)
    }

    /// Shows the study every version from `bottom` up, some at a time: the journal's thread has commits to make. It
    /// ends with its client.
    private func show(_ study: RevertStudy, _ bottom: Height, _ id: Int64, _ connection: ControlConnection) {
        guard connection.isOpen else { return }
        guard bottom <= study.chain.height else {
            return connection.answer(id, to: RevertPreviewRequest.self, preview(study.finding, study))
        }
        let top = Height(min(study.chain.height.value, bottom.value + ControlServer.searchedAtOnce - 1))
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> RevertStudy in
                var study = study
                for certified in try database.versions(in: bottom...top) { study.meet(certified) }
                return study
            },
            { [weak self] study in self?.show(study, top.next, id, connection) })
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
            milliseconds: driver.averagingMilliseconds.map { Int64(clamping: $0 * finding.versions) },
            excluded: listed(finding.excluded), excludedCount: Int64(finding.excluded.count),
            affected: listed(finding.affected), affectedCount: Int64(finding.affected.count),
            outOfReachCount: Int64(finding.outOfReach), refusal: finding.fault.map { "\($0)" })
    }
}

/// Finds out what a revert would touch. It is shown every version once, the oldest first.
struct RevertStudy: Sendable {
    let chain: Chain
    let exclusion: Exclusion
    let from: Height?
    private var bytes: [(height: Height, bytes: UInt64)] = []
    private var found: Finding

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

    init(chain: Chain, exclusion: Exclusion, from: Height?) {
        (self.chain, self.exclusion, self.from) = (chain, exclusion, from)
        found = Finding(from: from ?? chain.oldestRevertable)
    }

    /// The oldest version from which a revert may reach.
    var oldest: Height { chain.oldestRevertable }

    private func isNamed(_ contribution: Contribution) -> Bool {
        switch exclusion {
        case .contribution(let digest): contribution.contributionDigest == digest
        case .dataSet(let digest, _): contribution.dataSets.contains(digest)
        }
    }

    mutating func meet(_ certified: CertifiedVersion) {
        let height = certified.height
        bytes.append((height, certified.contributions.reduce(0) { $0 &+ $1.body.payloadBytes }))
        for contribution in certified.contributions.map(\.body) {
            let place = Place(
                height: height, author: contribution.author, contribution: contribution.contributionDigest)
            if isNamed(contribution) {
                if height < found.from { found.outOfReach += 1 } else { found.excluded.append(place) }
            } else if let first = found.excluded.first, contribution.baseHeight >= first.height {
                found.affected.append(place)
            }
        }
    }

    /// What was found, once every version was shown.
    var finding: Finding {
        var finding = found
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
