import Crypto
import Gossip
import Ledger

/// A piece as it travels: its bytes and the way up to the signed root.
struct ProvenPiece {
    let bytes: [UInt8]
    let proof: [Digest]
}

extension ProvenPiece {
    private static let wordBytes = 8

    /// As it travels between two machines: a simulated piece is one word, repeated, and its frame is that word. Not
    /// zstd, so that a seed gives the same run with every version of it.
    var framed: ProvenPiece {
        let word = bytes.prefix(ProvenPiece.wordBytes)
        guard bytes.count > word.count, bytes.indices.allSatisfy({ bytes[$0] == word[$0 & 7] }) else { return self }
        return ProvenPiece(bytes: Array(word), proof: proof)
    }

    /// The piece of this size in what came; nil if there is none.
    func expanded(to byteCount: Int) -> ProvenPiece? {
        guard bytes.count != byteCount else { return self }
        guard bytes.count == ProvenPiece.wordBytes, byteCount > bytes.count else { return nil }
        return ProvenPiece(bytes: (0..<byteCount).map { bytes[$0 & 7] }, proof: proof)
    }
}

/// The payload of one contribution on a simulated disk, as far as it is there.
struct Blob {
    var pieces: [ProvenPiece?]
    /// Whether a crash leaves every piece where it is.
    var isSynced = false

    init(pieceCount: Int) { pieces = Array(repeating: nil, count: pieceCount) }

    init(payload: Payload) {
        pieces = payload.pieces.indices.map {
            ProvenPiece(bytes: payload.pieces[$0], proof: payload.tree.proof(of: $0))
        }
        isSynced = true
    }

    var isComplete: Bool { pieces.allSatisfy { $0 != nil } }
    /// Of the pieces that are here.
    var byteCount: UInt64 { pieces.reduce(0) { $0 + UInt64($1?.bytes.count ?? 0) } }
    var held: [Bool] { pieces.map { $0 != nil } }

    /// What a trainer hands over: random bytes under a real Merkle tree.
    struct Payload {
        let pieces: [[UInt8]]
        let tree: MerkleTree

        var byteCount: Int { pieces.reduce(0) { $0 + $1.count } }

        /// Between one piece and `pieceMaximum`; the last is shorter.
        init(pieceBytes: Int, pieceMaximum: Int, random: inout SeededRandom) {
            let count = 1 + random.draw(below: pieceMaximum)
            var pieces: [[UInt8]] = []
            for index in 0..<count {
                let bytes = index + 1 < count ? pieceBytes : 1 + random.draw(below: pieceBytes)
                // One random word, repeated: distinct enough to catch a mix-up, and cheap.
                let word = random.next()
                pieces.append((0..<bytes).map { UInt8(truncatingIfNeeded: word >> UInt64(($0 & 7) * 8)) })
            }
            self.init(pieces: pieces)
        }

        init(pieces: [[UInt8]]) {
            self.pieces = pieces
            tree = MerkleTree(leaves: pieces.map { MerkleTree.leaf($0) })
        }
    }
}
