/// A Merkle tree in the shape of RFC 6962 section 2.1 (leaf prefix 0x00, node prefix 0x01, the left subtree holds the
/// largest power of two below the count), over BLAKE2b-256.
///
/// Holds every level: 64 bytes a leaf. One tree serves a contribution's pieces, another a base version's blocks.
public struct MerkleTree: Sendable {
    /// levels[0] are the leaves; the last level is the root alone. Empty for no leaves.
    private let levels: [[Digest]]

    private static let domain = DigestDomain("mesh/merkle")

    /// The leaf digest of a piece of data.
    public static func leaf(_ data: UnsafeRawBufferPointer) -> Digest {
        let hasher = DigestHasher(domain)
        hasher.update([0])
        hasher.update(data)
        return hasher.finalize()
    }

    /// The leaf digest of a piece of data.
    public static func leaf(_ data: [UInt8]) -> Digest { data.withUnsafeBytes { leaf($0) } }

    static func node(_ left: Digest, _ right: Digest) -> Digest {
        Digest(domain, [1] + left.bytes + right.bytes)
    }

    /// The tree over `leaves`, which are leaf digests in order.
    ///
    /// An unpaired last node moves up a level unchanged, which gives exactly RFC 6962's tree.
    public init(leaves: [Digest]) {
        var levels: [[Digest]] = leaves.isEmpty ? [] : [leaves]
        while let last = levels.last, last.count > 1 {
            var next: [Digest] = []
            next.reserveCapacity((last.count + 1) / 2)
            for index in stride(from: 0, to: last.count, by: 2) {
                next.append(index + 1 < last.count ? MerkleTree.node(last[index], last[index + 1]) : last[index])
            }
            levels.append(next)
        }
        self.levels = levels
    }

    /// The root of a tree of `count` leaves that are all `leaf` but for the last one. Two digests a level.
    ///
    /// - Parameter count: at least 1.
    public static func root(repeating leaf: Digest, count: Int, last: Digest) -> Digest {
        precondition(count > 0)
        // Of a level: its first nodes are all alike, and its last one.
        var (same, end, width) = (leaf, last, count)
        while width > 1 {
            // An unpaired last node moves up unchanged.
            if width % 2 == 0 { end = node(same, end) }
            same = node(same, same)
            width = (width + 1) / 2
        }
        return end
    }

    public var leafCount: Int { levels.first?.count ?? 0 }

    /// The leaf digests in order.
    public var leaves: [Digest] { levels.first ?? [] }

    /// The root; of an empty tree, the digest of nothing in the tree's domain (RFC 6962: the hash of an empty string).
    public var root: Digest { levels.last?.first ?? Digest(MerkleTree.domain, []) }

    /// The siblings on the way from leaf `index` up to the root, lowest first (RFC 6962 section 2.1.1).
    public func proof(of index: Int) -> [Digest] {
        precondition(index >= 0 && index < leafCount)
        var siblings: [Digest] = []
        var position = index
        for level in levels.dropLast() {
            let sibling = position ^ 1
            if sibling < level.count { siblings.append(level[sibling]) }
            position >>= 1
        }
        return siblings
    }

    /// Whether `leaf` stands at `index` of `leafCount` leaves under `root`. A proof of any other length is refused.
    public static func verify(
        leaf: Digest, index: Int, leafCount: Int, proof: [Digest], root: Digest
    ) -> Bool {
        self.root(leaf: leaf, index: index, leafCount: leafCount, proof: proof[...]) == root
    }

    /// The root under which `leaf` stands at `index` of `leafCount` leaves; nil for a proof of any other length.
    public static func root(leaf: Digest, index: Int, leafCount: Int, proof: ArraySlice<Digest>) -> Digest? {
        guard index >= 0, index < leafCount else { return nil }
        var digest = leaf
        var position = index
        var width = leafCount
        var rest = proof
        while width > 1 {
            let sibling = position ^ 1
            if sibling < width {
                guard let other = rest.popFirst() else { return nil }
                digest = position & 1 == 0 ? node(digest, other) : node(other, digest)
            }
            position >>= 1
            width = (width + 1) / 2
        }
        return rest.isEmpty ? digest : nil
    }
}
