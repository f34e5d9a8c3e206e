import Control
import Crypto
import Ledger

/// What people look up by a digest: data sets and contributions that the chain names.
extension ControlServer {
    func answerDataSets(_ id: Int64, _ parameters: DataSetsRequest, _ connection: ControlConnection) {
        search(DataSetSearch(digits: parameters.digits ?? ""), through: chain.height, id, connection) { found in
            let newest = found.uses.sorted {
                $0.value.last != $1.value.last ? $0.value.last > $1.value.last : $0.key < $1.key
            }
            connection.answer(
                id, to: DataSetsRequest.self, DataSets(dataSets: newest.map { self.summary(of: $0, $1) }))
        }
    }

    private func summary(of dataSet: Digest, _ use: DataSetSearch.Use) -> DataSetSummary {
        DataSetSummary(
            dataSet: text(dataSet), contributions: Int64(use.contributions),
            authors: Set(use.authors.map { siteName($0.key, in: members(of: $0.value)) }).sorted(),
            first: Int64(clamping: use.first.value), last: Int64(clamping: use.last.value),
            isExcluded: isExcluded(dataSet))
    }

    private func isExcluded(_ dataSet: Digest) -> Bool {
        chain.governance.reverts.contains {
            if case .dataSet(dataSet, _) = $0.exclusion { true } else { false }
        }
    }

    func answerContributionsFind(_ id: Int64, _ parameters: ContributionsFind, _ connection: ControlConnection) {
        search(ContributionSearch(digits: parameters.digits), through: chain.height, id, connection) { found in
            connection.answer(
                id, to: ContributionsFind.self,
                ContributionsFound(
                    contributions: found.places.map { place in
                        RevertedContribution(
                            height: Int64(clamping: place.height.value),
                            author: siteName(place.author, in: self.members(of: place.height)),
                            contribution: text(place.contribution))
                    }))
        }
    }
}

/// Which data sets contributions name.
struct DataSetSearch: LedgerSearch {
    /// Of those whose id begins with these.
    let digits: String
    private(set) var uses: [Digest: Use] = [:]

    init(digits: String) { self.digits = digits }

    struct Use: Sendable {
        var contributions = 0
        /// Each with the last version that lists a contribution of its.
        var authors: [MemberID: Height] = [:]
        var first: Height
        let last: Height
    }

    mutating func meets(_ certified: CertifiedVersion) -> Bool {
        for contribution in certified.contributions { note(contribution.body, at: certified.height) }
        return false
    }

    mutating func note(_ contribution: Ledger.Contribution, at height: Height) {
        for dataSet in contribution.dataSets {
            guard uses[dataSet] != nil || uses.count < DataSets.listMaximum,
                digits.isEmpty || dataSet.description.hasPrefix(digits)
            else { continue }
            var use = uses[dataSet] ?? Use(first: height, last: height)
            use.contributions += 1
            if use.authors[contribution.author] == nil, use.authors.count < DataSetSummary.authorsMaximum {
                use.authors[contribution.author] = height
            }
            use.first = height
            uses[dataSet] = use
        }
    }
}

/// Contributions whose digest begins with some digits.
struct ContributionSearch: LedgerSearch {
    let digits: String
    private(set) var places: [RevertStudy.Place] = []

    init(digits: String) { self.digits = digits }

    mutating func meets(_ certified: CertifiedVersion) -> Bool {
        for contribution in certified.contributions.map(\.body) where places.count < ContributionsFound.listMaximum {
            let digest = contribution.contributionDigest
            guard digest.description.hasPrefix(digits) else { continue }
            places.append(
                RevertStudy.Place(height: certified.height, author: contribution.author, contribution: digest))
        }
        return places.count == ContributionsFound.listMaximum
    }
}
