import Gossip
import Ledger
import Tensor

/// How contributions went into versions: kept from the averaging until the version is adopted, and watched.
extension Driver {
    /// An averaging on the head is done. The version that lists this manifest may be adopted next, or another one.
    func note(_ figures: AveragingFigures, of id: AveragingID, on parent: Version) {
        if parent.versionDigest == node.chain.headDigest { averagingFigures[id] = figures }
    }

    /// Of a version that is adopted now; nil if this process did not average it.
    func figures(of version: Version) -> RoundFigures? {
        defer { averagingFigures = [:] }
        guard !version.manifest.isEmpty else { return RoundFigures(authors: [], figures: .none) }
        return averagingFigures[AveragingID(parent: version.parent, manifest: version.manifest)].map {
            RoundFigures(authors: version.manifest.map(\.slot.author), figures: $0)
        }
    }

    /// The alarms that earlier rounds raise come again after a start.
    func watchOpposition() {
        let database = database
        let head = node.chain.height
        journal.read(
            { () -> Result<[RoundRow], StoreError> in
                do throws(StoreError) {
                    return .success(try database.rounds(through: head, count: OppositionWatch.versionsKept))
                } catch {
                    return .failure(error)
                }
            },
            completion: { [weak self] result in
                switch result {
                case .success(let rows): self?.noteOpposition(rows)
                case .failure(let error): self?.report(error)
                }
            })
    }

    func noteOpposition(_ rows: [RoundRow]) {
        for opposition in opposition.note(rows) { logger.error("\(describe(opposition))") }
    }

    /// Those between present members.
    var oppositions: [OppositionWatch.Opposition] {
        opposition.alarms.filter {
            node.chain.members[$0.members.lower] != nil && node.chain.members[$0.members.higher] != nil
        }
    }

    func describe(_ opposition: OppositionWatch.Opposition) -> String {
        """
        the contributions of \(name(opposition.members.lower)) and \(name(opposition.members.higher)) cancel each other: \
        their cosine was below -0.5 in the last \(opposition.versions) versions that list both; see meshctl contributions \
        \(opposition.last)
        """
    }
}
