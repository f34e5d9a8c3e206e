import Crypto
import Gossip
import Ledger

/// One site's disk: a journal whose batches are atomic and become durable in order, and blobs.
struct SimulatedDisk {
    /// Kind and encoding, so that what a restart reads has passed the codec.
    private(set) var journal: [(kind: JournalEntry.Kind, encoded: [UInt8])] = []
    private(set) var adopted: [CertifiedVersion] = []
    private(set) var syncedHeaders: [CertifiedVersion] = []
    var blobs: [ContributionDigest: Blob] = [:]
    /// Parameters by root, as far as they are here: one flag a block.
    var parameters: [Digest: [Bool]] = [:]

    /// Of each height: its entries, and the highest view that one of them is about.
    private(set) var share: [UInt64: (entries: Int, view: UInt32)] = [:]

    var height: Height { adopted.last?.height ?? .genesis }

    mutating func commit(_ entries: [JournalEntry]) {
        for entry in entries {
            if let height = entry.height {
                let known = share[height.value] ?? (0, 0)
                share[height.value] = (known.entries + 1, max(known.view, entry.view?.value ?? 0))
            }
            switch entry {
            case .adopt(let certified):
                adopted.append(certified)
                syncedHeaders = []
            case .headerSynced(let certified):
                // One a height, as rows of a table: a state sync may leave some of what the next header sync brings
                // again.
                syncedHeaders.removeAll { $0.height == certified.height }
                syncedHeaders.append(certified)
                syncedHeaders.sort { $0.height < $1.height }
            case .stateSynced(let certified):
                adopted += syncedHeaders.filter { $0.height <= certified.height }
                syncedHeaders = []
            default: journal.append((entry.kind, entry.encoded))
            }
        }
    }

    func hasParameters(_ root: Digest) -> Bool { parameters[root].map { !$0.contains(false) } ?? false }

    /// Drops what the rules of retention let go.
    mutating func retain(_ genesis: Genesis) {
        let (rules, head) = (genesis.rules, height)
        var kept: Set<Digest> = []
        if rules.keepsBase(.genesis, head: head) { kept.insert(genesis.roots.name) }
        for certified in adopted where rules.keepsBase(certified.height, head: head) {
            kept.insert(certified.version.roots.name)
        }
        parameters = parameters.filter { kept.contains($0.key) }
        for certified in adopted.prefix(while: { $0.height <= rules.oldestBase(head: head) }) {
            for contribution in certified.contributions.map(\.body)
            where !rules.keepsPayload(base: contribution.baseHeight, head: head) {
                blobs[contribution.contributionDigest] = nil
            }
        }
    }

    func version(at height: Height) -> CertifiedVersion? { adopted.first { $0.height == height } }

    /// A power cut: of a blob that was never synced, any piece may be torn, which a restart finds out and drops.
    ///
    /// - Returns: how many were.
    mutating func losePower(random: inout SeededRandom) -> UInt64 {
        var torn: UInt64 = 0
        for digest in blobs.keys.sorted() where blobs[digest]?.isSynced == false {
            guard var blob = blobs[digest] else { continue }
            for index in blob.pieces.indices where random.chance(30) {
                if blob.pieces[index] != nil { torn += 1 }
                blob.pieces[index] = nil
            }
            blobs[digest] = blob.pieces.contains { $0 != nil } ? blob : nil
        }
        return torn
    }

    /// What a restart reads of the journal, its versions apart.
    func entries() throws -> [JournalEntry] {
        try journal.map { try JournalEntry(kind: $0.kind, encoded: $0.encoded) }
    }

    /// What a process finds when it starts.
    func recovered(genesis: Genesis) throws -> Recovered {
        var chain = Chain(genesis: genesis)
        for certified in adopted { chain = try chain.advanced(by: certified.embedded) }
        let entries = try entries()
        var headerSync = HeaderSync(chain: chain)
        for certified in syncedHeaders { try headerSync.extend(by: certified) }
        return Recovered(
            chain: chain, head: adopted.last, journal: entries, pieces: blobs.mapValues(\.held),
            listed: Set(adopted.flatMap { $0.version.manifest.map(\.contribution) }), headerSync: headerSync,
            lacksParameters: !hasParameters(chain.head.roots.name))
    }
}

extension JournalEntry {
    /// The view that the entry is about, of those that are about one.
    fileprivate var view: View? {
        switch self {
        case .proposal(let signed): signed.body.view
        case .vote(let signed): signed.body.view
        case .certificate(let certificate): certificate.vote.view
        case .adopt(let certified): certified.certificate.vote.view
        default: nil
        }
    }
}
