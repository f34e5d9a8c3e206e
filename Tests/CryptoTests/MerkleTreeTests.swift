import Crypto
import Testing

/// RFC 6962 section 2.1, word for word: recursive, where the production code goes level by level.
enum RecursiveMerkleTree {
    static let domain = DigestDomain("mesh/merkle")

    static func root(_ leaves: ArraySlice<Digest>) -> Digest {
        if leaves.isEmpty { return Digest(domain, []) }
        if leaves.count == 1 { return leaves.first! }
        let left = leaves.prefix(split(leaves.count))
        return node(root(left), root(leaves.dropFirst(left.count)))
    }

    /// PATH(m, D[n]) of section 2.1.1.
    static func path(_ index: Int, _ leaves: ArraySlice<Digest>) -> [Digest] {
        if leaves.count <= 1 { return [] }
        let left = leaves.prefix(split(leaves.count))
        let right = leaves.dropFirst(left.count)
        return index < left.count
            ? path(index, left) + [root(right)] : path(index - left.count, right) + [root(left)]
    }

    static func node(_ left: Digest, _ right: Digest) -> Digest { Digest(domain, [1] + left.bytes + right.bytes) }

    /// The largest power of two below `count`.
    static func split(_ count: Int) -> Int {
        var power = 1
        while power * 2 < count { power *= 2 }
        return power
    }
}

struct MerkleTreeTests {
    static func leaves(_ count: Int) -> [Digest] { (0..<count).map { MerkleTree.leaf([UInt8($0)]) } }

    /// From a Python program on hashlib.
    @Test func rootsAreThoseOfASecondImplementation() {
        #expect(
            MerkleTree(leaves: []).root.description
                == "c62d37b58c013e28f8eccb5136705b54369b90e03f9ca196e18470cb4794509c")
        #expect(
            MerkleTree(leaves: Self.leaves(7)).root.description
                == "0d062d93d5eaf620d5d7efabe8da73bc2690ab7be818add306f7b6d7b7fd5663")
    }

    @Test(arguments: 1...33)
    func rootAndProofsAreRFC6962s(count: Int) {
        let leaves = Self.leaves(count)
        let tree = MerkleTree(leaves: leaves)
        #expect(tree.leafCount == count && tree.leaves == leaves)
        #expect(tree.root == RecursiveMerkleTree.root(leaves[...]))
        for index in 0..<count {
            let proof = tree.proof(of: index)
            #expect(proof == RecursiveMerkleTree.path(index, leaves[...]))
            #expect(
                MerkleTree.verify(
                    leaf: leaves[index], index: index, leafCount: count, proof: proof, root: tree.root))
        }
    }

    @Test(arguments: [1, 2, 3, 5, 8, 13, 33])
    func everyTamperedProofIsRefused(count: Int) {
        let leaves = Self.leaves(count)
        let tree = MerkleTree(leaves: leaves)
        let other = MerkleTree.leaf([255, 255])
        for index in 0..<count {
            let proof = tree.proof(of: index)
            func verifies(
                leaf: Digest? = nil, index at: Int? = nil, count among: Int? = nil, proof tampered: [Digest]? = nil,
                root: Digest? = nil
            ) -> Bool {
                MerkleTree.verify(
                    leaf: leaf ?? leaves[index], index: at ?? index, leafCount: among ?? count,
                    proof: tampered ?? proof, root: root ?? tree.root)
            }
            #expect(!verifies(leaf: other))
            #expect(!verifies(root: other))
            #expect(!verifies(proof: proof + [other]))
            #expect(!verifies(index: -1))
            #expect(!verifies(index: count))
            #expect(!verifies(count: 0))
            for wrong in 0..<count where wrong != index { #expect(!verifies(index: wrong)) }
            if !proof.isEmpty {
                #expect(!verifies(proof: Array(proof.dropLast())))
                #expect(!verifies(proof: Array(proof.dropFirst())))
                if proof.count > 1 { #expect(!verifies(proof: proof.reversed())) }
            }
            for position in proof.indices {
                var tampered = proof
                tampered[position] = other
                #expect(!verifies(proof: tampered))
            }
        }
    }

    @Test func aNodeIsNoLeaf() {
        let leaves = Self.leaves(4)
        let inner = MerkleTree(leaves: Array(leaves[..<2])).root
        #expect(MerkleTree.leaf(leaves[0].bytes + leaves[1].bytes) != inner)
        let proof = [MerkleTree(leaves: Array(leaves[2...])).root]
        #expect(
            !MerkleTree.verify(
                leaf: inner, index: 0, leafCount: 4, proof: proof, root: MerkleTree(leaves: leaves).root))
    }
}
