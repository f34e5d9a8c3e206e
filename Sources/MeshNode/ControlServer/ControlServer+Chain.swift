import Control
import Crypto
import Gossip
import Ledger
import Tensor

extension ControlServer {
    /// Reads on the journal's thread, so that the loop never waits for the disk; answers, or says what failed.
    func read<Value: Sendable>(
        _ id: Int64, _ connection: ControlConnection, _ job: @escaping @Sendable () throws(StoreError) -> Value,
        failed: @escaping () -> Void = {}, _ answer: @escaping (Value) -> Void
    ) {
        driver.journal.read(
            { () -> Swift.Result<Value, StoreError> in
                do throws(StoreError) { return .success(try job()) } catch { return .failure(error) }
            },
            completion: { [weak self] result in
                switch result {
                case .success(let value): answer(value)
                case .failure(let error):
                    self?.driver.report(error)
                    failed()
                    connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(error)"))
                }
            })
    }

    /// The version that a request names, the head where it names none; nil where it does not exist, which is refused.
    func existing(_ height: Int64?, _ id: Int64, _ connection: ControlConnection) -> Height? {
        guard let height else { return chain.height }
        let wanted = Height(UInt64(clamping: height))
        guard wanted <= chain.height else {
            connection.refuse(id, notFound(wanted))
            return nil
        }
        return wanted
    }

    func answerVersions(_ id: Int64, _ parameters: VersionsRequest, _ connection: ControlConnection) {
        guard let top = existing(parameters.from, id, connection) else { return }
        let count = UInt64(parameters.count)
        let bottom = Height(top.value >= count ? top.value - count + 1 : 0)
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> ([CertifiedVersion], [RoundRow]) in
                (try database.versions(in: bottom...top), try database.rounds(through: top, count: Int(count)))
            },
            { [self] versions, rounds in
                var summaries = versions.map { summary(of: $0, rounds) }
                if bottom == .genesis { summaries.insert(genesisSummary, at: 0) }
                connection.answer(
                    id, to: VersionsRequest.self, VersionsResponse(versions: summaries.reversed()))
            })
    }

    private var genesisSummary: VersionSummary {
        VersionSummary(
            height: 0, version: text(site.genesis.version.versionDigest), contributors: [], signers: [],
            parametersRoot: text(site.genesis.roots.parameters))
    }

    private func summary(of certified: CertifiedVersion, _ rounds: [RoundRow]) -> VersionSummary {
        let version = certified.version
        let round = rounds.first { $0.height == version.height }
        return VersionSummary(
            height: Int64(version.height.value), version: text(version.versionDigest),
            contributors: version.manifest.map { siteName($0.slot.author, in: members(of: version.height)) },
            signers: driver.signers(of: certified).map { siteName($0) },
            milliseconds: round.flatMap { $0.isReplayed ? nil : Int64(clamping: $0.durationMilliseconds) },
            parametersRoot: text(version.roots.parameters))
    }

    /// The set that decided a height: a member that left since is still named as it was.
    func members(of height: Height) -> MemberSet { chain.history.members(of: height) ?? chain.members }

    func answerVersion(_ id: Int64, _ parameters: VersionRequest, _ connection: ControlConnection) {
        let height = Height(UInt64(max(0, parameters.height)))
        if height == .genesis {
            return connection.answer(
                id, to: VersionRequest.self, response(site.genesis.version, genesisSummary, view: 0, contributions: []))
        }
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> (CertifiedVersion, [RoundRow])? in
                guard let version = try database.version(at: height) else { return nil }
                return (version, try database.rounds(through: height, count: 1))
            },
            { [self] found in
                guard let (certified, rounds) = found else { return connection.refuse(id, notFound(height)) }
                connection.answer(
                    id, to: VersionRequest.self,
                    response(
                        certified.version, summary(of: certified, rounds),
                        view: Int64(certified.certificate.vote.view.value), action: action(of: certified),
                        contributions: listed(certified, rounds)))
            })
    }

    func notFound(_ height: Height) -> ControlRefusal {
        ControlRefusal(.notFound, message: "version \(height) is not here; the head is \(chain.height)")
    }

    private func response(
        _ version: Version, _ summary: VersionSummary, view: Int64, action: VersionResponse.Action? = nil,
        contributions: [ContributionSummary]
    ) -> VersionResponse {
        VersionResponse(
            summary: summary, parent: text(version.parent), view: view, memberSet: text(version.members),
            rules: text(version.rules), support: text(version.support), outerStateRoot: text(version.roots.outer),
            action: action, contributions: contributions)
    }

    /// A version that names an action and embeds none is the one in which a replayed state takes over.
    private func action(of certified: CertifiedVersion) -> VersionResponse.Action? {
        guard certified.version.action != nil else { return nil }
        guard let carried = certified.embedded.action else { return .switch }
        return VersionResponse.Action(rawValue: carried.action.change.kind)
    }

    private func listed(_ certified: CertifiedVersion, _ rounds: [RoundRow]) -> [ContributionSummary] {
        let round = rounds.first { $0.height == certified.height && $0.version == certified.version.versionDigest }
        let entries = certified.version.manifest.enumerated()
        return zip(entries, certified.contributions).map { place, contribution in
            let (index, entry) = place
            return summary(
                of: contribution.body,
                weightMillionths: Int64(entry.weightQ30) * 1_000_000 / Int64(Rules.oneQ30)
                    / Int64(max(1, certified.version.manifest.count)), isListed: true,
                isReverted: chain.governance.excludes(contribution.body, at: certified.height),
                figures: round?.figures.flatMap { figures(of: index, in: $0) })
        }
    }

    private func figures(of index: Int, in round: RoundFigures) -> ContributionFigures? {
        guard round.figures.entries.indices.contains(index) else { return nil }
        let entry = round.figures.entries[index]
        func cosine(_ neighbour: AveragingFigures.Neighbour) -> ContributionCosine {
            ContributionCosine(
                author: siteName(round.authors[neighbour.entry], in: chain.members),
                cosineMillionths: neighbour.cosineMillionths)
        }
        return ContributionFigures(
            sharedWeightMillionths: entry.sharedWeightMillionths, clipFactorMillionths: entry.clipFactorMillionths,
            stepCosineMillionths: entry.stepCosineMillionths, nearest: entry.nearest.map(cosine),
            farthest: entry.farthest.map(cosine))
    }

    private func summary(
        of contribution: Ledger.Contribution, weightMillionths: Int64?, isListed: Bool, isReverted: Bool? = nil,
        figures: ContributionFigures? = nil
    ) -> ContributionSummary {
        ContributionSummary(
            author: siteName(contribution.author, in: members(of: contribution.baseHeight.next)),
            baseHeight: Int64(contribution.baseHeight.value), contribution: text(contribution.contributionDigest),
            bytes: Int64(clamping: contribution.payloadBytes), steps: Int64(clamping: contribution.steps),
            tokens: Int64(clamping: contribution.tokens), loss: contribution.lossNats,
            dataSets: contribution.dataSets.map { text($0) }, weightMillionths: weightMillionths, isListed: isListed,
            isReverted: isReverted, figures: figures)
    }

    func answerContributions(_ id: Int64, _ parameters: ContributionsRequest, _ connection: ControlConnection) {
        let height = Height(UInt64(max(0, parameters.height)))
        guard height <= chain.nextHeight else { return connection.refuse(id, notFound(height)) }
        let candidates =
            height == chain.nextHeight
            ? driver.node.report(now: driver.now).candidates.map(\.contribution).sorted { $0.author < $1.author } : []
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> (CertifiedVersion, [RoundRow])? in
                guard let version = try database.version(at: height) else { return nil }
                return (version, try database.rounds(through: height, count: 1))
            },
            { [self] found in
                let held = candidates.map { summary(of: $0, weightMillionths: nil, isListed: false) }
                connection.answer(
                    id, to: ContributionsRequest.self,
                    ContributionsResponse(
                        height: Int64(height.value), contributions: found.map { listed($0, $1) } ?? held))
            })
    }

    func answerRounds(_ id: Int64, _ parameters: RoundsRequest, _ connection: ControlConnection) {
        guard let top = existing(parameters.from, id, connection) else { return }
        let count = Int(parameters.count)
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> [(RoundRow, UInt32)] in
                var rounds: [(RoundRow, UInt32)] = []
                for row in try database.rounds(through: top, count: count) {
                    let view = try database.version(at: row.height)?.certificate.vote.view
                    rounds.append((row, view?.value ?? 0))
                }
                return rounds
            },
            { rounds in
                connection.answer(
                    id, to: RoundsRequest.self,
                    RoundsResponse(
                        rounds: rounds.map { row, view in
                            RoundSummary(
                                height: Int64(row.height.value), views: Int64(view),
                                contributions: Int64(row.contributors.count),
                                firstContributionMilliseconds: row.times.firstContribution.map {
                                    Int64(clamping: $0)
                                }, availableMilliseconds: row.times.available.map { Int64(clamping: $0) },
                                readyMilliseconds: row.times.ready.map { Int64(clamping: $0) },
                                certifiedMilliseconds: Int64(
                                    clamping: row.times.certified ?? row.durationMilliseconds),
                                receivedBytes: Int64(clamping: row.receivedBytes),
                                sentBytes: Int64(clamping: row.sentBytes), lastSites: [])
                        }))
            })
    }
}
