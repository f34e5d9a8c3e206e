import Crypto
import Gossip
import Ledger
import System

/// What a start finds in the state directory, after whatever end the last process had.
struct Recovery: Sendable {
    var recovered: Recovered
    /// What the core starts from.
    var slots: [SlotRow]
    /// Name of the residual's file; nil before the first contribution.
    var residual: String?
    /// What was found damaged and is fetched or computed again.
    var repaired: [StoreError]

    /// Versions whose certificates and signatures are checked again; of older ones only that they form a chain.
    static let auditedVersions = 32

    /// Replays the records from genesis, reads the journal, and checks every piece on disk.
    ///
    /// - Throws: what is damaged and cannot be had again: a row, or the chain itself.
    static func read(
        genesis: Genesis, database: LedgerDatabase, blobs: BlobStore, verifier: Verifier,
        awaiting awaited: VersionDigest? = nil
    ) throws(StoreError) -> Recovery {
        var awaited = awaited
        let (chain, head, listed) = try replay(
            genesis: genesis, database: database, verifier: verifier, awaited: &awaited)
        let journal = try database.journal() + database.evidence().map { .evidence($0.evidence) }
        let slots = try database.slots()
        var repaired: [StoreError] = []
        for place in database.mark.damagedPlaces {
            repaired.append(.file(.damaged(file: blobs.state.mark, place: "place \(place)")))
        }
        let headerSync = try headerSync(chain, awaited, database, &repaired)
        var pieces: [ContributionDigest: [Bool]] = [:]
        let known = listed.union(contributions(in: journal).map(\.contributionDigest))
        var damages: [FileError] = []
        for digest in try stored(blobs.digests()) {
            if !known.contains(digest), isOutdated(digest, blobs, chain) {
                blobs.forget(digest)
                continue
            }
            guard let found = blobs.verifiedPieces(digest, damages: &damages) else {
                blobs.forget(digest)
                continue
            }
            if found.contains(false) { try stored(blobs.reopen(digest)) }
            pieces[digest] = found
        }
        repaired += damages.map { .file($0) }
        // The directory says complete, and nothing is there: all of it is fetched again.
        for contribution in contributions(in: journal) where pieces[contribution.contributionDigest] == nil {
            pieces[contribution.contributionDigest] = [Bool](repeating: false, count: contribution.pieceCount)
        }
        return Recovery(
            recovered: Recovered(
                chain: chain, head: head, journal: journal, pieces: pieces, listed: listed, headerSync: headerSync),
            slots: slots,
            residual: try database.meta("residual"), repaired: repaired)
    }

    /// What lies beyond the head. Damage there costs the way from it on, which is synced again.
    private static func headerSync(
        _ chain: Chain, _ awaited: VersionDigest?, _ database: LedgerDatabase, _ repaired: inout [StoreError]
    ) throws(StoreError) -> HeaderSync {
        var headerSync = HeaderSync(chain: chain, awaiting: awaited)
        do {
            while let certified = try database.syncedHeader(at: headerSync.height.next) {
                try headerSync.extend(by: certified)
            }
        } catch {
            if let error = error as? StoreError { repaired.append(error) }
            try database.forgetSyncedHeaders()
            return HeaderSync(chain: chain, awaiting: awaited)
        }
        return headerSync
    }

    private static func contributions(in journal: [JournalEntry]) -> [Contribution] {
        journal.compactMap { entry in
            switch entry {
            case .contribution(let signed), .ownContribution(let signed): signed.body
            default: nil
            }
        }
    }

    /// Whether no version can list it any more. A sidecar that cannot be read is dealt with by whoever reads it next.
    private static func isOutdated(_ digest: ContributionDigest, _ blobs: BlobStore, _ chain: Chain) -> Bool {
        guard let height = try? blobs.baseHeight(digest), let oldest = chain.bases.first?.height else { return false }
        return height < oldest
    }

    private static func replay(
        genesis: Genesis, database: LedgerDatabase, verifier: Verifier, awaited: inout VersionDigest?
    ) throws(StoreError) -> (Chain, CertifiedVersion?, listed: Set<ContributionDigest>) {
        var chain = Chain(genesis: genesis)
        if chain.headDigest == awaited { awaited = nil }
        var listed: [(height: Height, contributions: [ContributionDigest])] = []
        guard let last = try database.headHeight() else { return (chain, nil, []) }
        var head: CertifiedVersion?
        while chain.height < last {
            let next = chain.nextHeight
            guard let certified = try database.version(at: next) else {
                throw .inconsistent(
                    file: database.path, table: "versions", row: "height \(next)",
                    problem: "is missing, and version \(last) is here")
            }
            do {
                if last.value - next.value < UInt64(auditedVersions) {
                    chain = try chain.audited(certified, verifier: verifier)
                } else {
                    chain = try chain.advanced(by: certified.embedded)
                }
            } catch {
                throw .inconsistent(
                    file: database.path, table: "versions", row: "height \(next)", problem: "does not stand: \(error)")
            }
            head = certified
            if chain.headDigest == awaited { awaited = nil }
            listed.append((next, certified.version.manifest.map(\.contribution)))
        }
        // Only the whole chain says how far back a pending replay goes.
        let kept = listed.filter { $0.height > chain.oldestBase }.flatMap(\.contributions)
        return (chain, head, Set(kept))
    }
}
