import Crypto
import Gossip
import Ledger

/// One site's disk: a journal whose batches are atomic and become durable in order, and blobs.
struct SimulatedDisk {
    /// Kind and encoding, so that what a restart reads has passed the codec.
    private(set) var journal: [(kind: JournalEntry.Kind, encoded: [UInt8])] = []
    private(set) var adopted: [CertifiedVersion] = []
    var blobs: [ContributionDigest: Blob] = [:]

    var entryCount: Int { journal.count + adopted.count }
    var height: Height { adopted.last?.height ?? .genesis }

    mutating func commit(_ entries: [JournalEntry]) {
        for entry in entries {
            if case .adopt(let certified) = entry {
                adopted.append(certified)
            } else {
                journal.append((entry.kind, entry.encoded))
            }
        }
    }

    func version(at height: Height) -> CertifiedVersion? { adopted.first { $0.height == height } }

    /// A power cut: of a blob that was never synced, any piece may be gone.
    mutating func losePower(random: inout SeededRandom) {
        for digest in blobs.keys.sorted() where blobs[digest]?.isSynced == false {
            guard var blob = blobs[digest] else { continue }
            for index in blob.pieces.indices where random.chance(30) { blob.pieces[index] = nil }
            blobs[digest] = blob.pieces.contains { $0 != nil } ? blob : nil
        }
    }

    /// What a process finds when it starts.
    func recovered(genesis: Genesis) throws -> Recovered {
        var chain = Chain(genesis: genesis)
        for certified in adopted { chain = try chain.advanced(by: certified.version) }
        let entries = try journal.map { try JournalEntry(kind: $0.kind, encoded: $0.encoded) }
        return Recovered(chain: chain, head: adopted.last, journal: entries, pieces: blobs.mapValues(\.held))
    }
}
