import Control
import Crypto
import Ledger

/// What people look up by a digest: data sets and contributions that the chain names.
extension ControlServer {
    func answerDataSets(_ id: Int64, _ connection: ControlConnection) {
        let study = ListedStudy(head: chain.height, database: keeper.database)
        read(
            id, connection, { () throws(StoreError) in try study.dataSets() },
            { [self] found in
                let newest = found.sorted {
                    $0.value.last != $1.value.last ? $0.value.last > $1.value.last : $0.key < $1.key
                }
                connection.answer(
                    id, to: DataSetsRequest.self,
                    DataSets(
                        dataSets: newest.prefix(DataSets.listMaximum).map { dataSet, use in
                            DataSetSummary(
                                dataSet: text(dataSet), contributions: Int64(use.contributions),
                                authors: Set(use.authors.map { siteName($0, in: chain.members) }).sorted(),
                                first: Int64(clamping: use.first.value), last: Int64(clamping: use.last.value),
                                isExcluded: isExcluded(dataSet))
                        }))
            })
    }

    private func isExcluded(_ dataSet: Digest) -> Bool {
        chain.governance.reverts.contains {
            if case .dataSet(dataSet, _) = $0.exclusion { true } else { false }
        }
    }

    func answerContributionsFind(_ id: Int64, _ parameters: ContributionsFind, _ connection: ControlConnection) {
        let study = ListedStudy(head: chain.height, database: keeper.database)
        let digits = parameters.digits
        read(
            id, connection,
            { () throws(StoreError) in
                try study.contributions(beginningWith: digits, limit: ContributionsFound.listMaximum)
            },
            { [self] found in
                connection.answer(
                    id, to: ContributionsFind.self,
                    ContributionsFound(
                        contributions: found.map { place in
                            let members = chain.history.members(of: place.height) ?? chain.members
                            return RevertedContribution(
                                height: Int64(clamping: place.height.value),
                                author: siteName(place.author, in: members), contribution: text(place.contribution))
                        }))
            })
    }
}

/// Reads what versions list, the newest first.
struct ListedStudy: Sendable {
    let head: Height
    let database: LedgerDatabase

    struct Use: Sendable {
        var contributions = 0
        var authors: Set<MemberID> = []
        var first: Height
        var last: Height
    }

    func dataSets() throws(StoreError) -> [Digest: Use] {
        var uses: [Digest: Use] = [:]
        try forEach { height, contribution in
            for dataSet in contribution.dataSets {
                var use = uses[dataSet] ?? Use(first: height, last: height)
                use.contributions += 1
                use.authors.insert(contribution.author)
                use.first = height
                uses[dataSet] = use
            }
            return true
        }
        return uses
    }

    func contributions(beginningWith digits: String, limit: Int) throws(StoreError) -> [RevertStudy.Place] {
        var found: [RevertStudy.Place] = []
        try forEach { height, contribution in
            let digest = contribution.contributionDigest
            if digest.description.hasPrefix(digits) {
                found.append(RevertStudy.Place(height: height, author: contribution.author, contribution: digest))
            }
            return found.count < limit
        }
        return found
    }

    /// Until `body` returns false.
    private func forEach(_ body: (Height, Ledger.Contribution) -> Bool) throws(StoreError) {
        var height = head
        while height > .genesis {
            if let certified = try database.version(at: height) {
                for contribution in certified.contributions where !body(height, contribution.body) { return }
            }
            height = Height(height.value - 1)
        }
    }
}
