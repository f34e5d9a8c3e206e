import Crypto

/// What a parameter file holds: the parameters, and behind them the state of a shared optimizer where there is one.
///
/// Both parts are cut into blocks of 262,144 values, each part from its own beginning. The blocks are numbered through, those of the
/// parameters first. Each part has a Merkle tree; the file is named after both roots.
public struct StateShape: Hashable, Sendable {
    /// At least 1.
    public let parameterCount: Int
    /// Values of the optimizer's state; 0 where there is none.
    public let outerCount: Int

    public init(parameterCount: Int, outerCount: Int = 0) {
        precondition((1...ParameterLayout.parameterCountLimit).contains(parameterCount))
        precondition((0...ParameterLayout.parameterCountLimit + 1).contains(outerCount))
        self.parameterCount = parameterCount
        self.outerCount = outerCount
    }

    public var valueCount: Int { parameterCount + outerCount }

    public var parameterBlockCount: Int { Self.blocks(of: parameterCount) }

    public var outerBlockCount: Int { Self.blocks(of: outerCount) }

    public var blockCount: Int { parameterBlockCount + outerBlockCount }

    private static func blocks(of count: Int) -> Int {
        (count + ParameterLayout.blockParameters - 1) / ParameterLayout.blockParameters
    }

    /// The values of a block, counted from the beginning of the file.
    public func values(ofBlock block: Int) -> Range<Int> {
        precondition(block >= 0 && block < blockCount)
        let isOuter = block >= parameterBlockCount
        let first = isOuter ? parameterCount : 0
        let start = first + (isOuter ? block - parameterBlockCount : block) * ParameterLayout.blockParameters
        return start..<min(start + ParameterLayout.blockParameters, isOuter ? valueCount : parameterCount)
    }

    /// Whether a block with this leaf stands at its place in the file of this name.
    ///
    /// - Parameter proof: from `StateTree.proof`.
    public func verify(leaf: Digest, block: Int, proof: [Digest], name: Digest) -> Bool {
        guard block >= 0, block < blockCount else { return false }
        guard outerCount > 0 else {
            return MerkleTree.verify(leaf: leaf, index: block, leafCount: parameterBlockCount, proof: proof, root: name)
        }
        guard let other = proof.last else { return false }
        let isOuter = block >= parameterBlockCount
        guard
            let root = MerkleTree.root(
                leaf: leaf, index: isOuter ? block - parameterBlockCount : block,
                leafCount: isOuter ? outerBlockCount : parameterBlockCount, proof: proof.dropLast())
        else { return false }
        return MerkleTree(leaves: isOuter ? [other, root] : [root, other]).root == name
    }
}

/// The Merkle trees of a parameter file.
public struct StateTree: Sendable {
    public let parameters: MerkleTree
    /// Of the optimizer's state, where there is one.
    public let outer: MerkleTree?

    /// - Parameter leaves: of all blocks, in order.
    public init(leaves: [Digest], shape: StateShape) {
        precondition(leaves.count == shape.blockCount)
        parameters = MerkleTree(leaves: Array(leaves[..<shape.parameterBlockCount]))
        outer = shape.outerCount > 0 ? MerkleTree(leaves: Array(leaves[shape.parameterBlockCount...])) : nil
    }

    /// What the file is stored and asked for under: the root of the parameters, or where there is a second part the root of a tree
    /// whose two leaves are both roots.
    public var name: Digest {
        outer.map { MerkleTree(leaves: [parameters.root, $0.root]).root } ?? parameters.root
    }

    func leaf(_ block: Int) -> Digest {
        block < parameters.leafCount ? parameters.leaves[block] : outerTree.leaves[block - parameters.leafCount]
    }

    /// The siblings of a block's leaf up to the name.
    public func proof(of block: Int) -> [Digest] {
        if block < parameters.leafCount { return parameters.proof(of: block) + (outer.map { [$0.root] } ?? []) }
        return outerTree.proof(of: block - parameters.leafCount) + [parameters.root]
    }

    private var outerTree: MerkleTree {
        guard let outer else { preconditionFailure("the file has no block of this number") }
        return outer
    }
}
