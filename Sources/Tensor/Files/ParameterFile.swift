import Crypto

/// A version of the parameters on disk: the flat vector as float32 little-endian, then the Merkle leaf of each block of
/// 262,144 parameters (32 bytes each). Nothing else; the root names it. Immutable once it has its name.
///
/// `open` checks the leaves against the expected root, and every block that is read through `readBlock` or `verify` is
/// checked against its leaf, so a flipped bit anywhere in the file is noticed and its block named. `read` (parts of
/// blocks) does not check: use it after `verify`, or where what is read is checked otherwise.
public struct ParameterFile: ParameterSource {
    public let path: String
    public let parameterCount: Int
    public let tree: MerkleTree
    private let file: SystemFile

    /// - Parameters:
    ///   - parameterCount: what the layout says; decides the size that the file must have.
    ///   - expectedRoot: the root that a version record certifies; nil takes the file's own word for it.
    public init(path: String, parameterCount: Int, expectedRoot: Digest?) throws(ParameterFileError) {
        precondition(parameterCount > 0 && parameterCount <= ParameterLayout.parameterCountLimit)
        let file = try SystemFile.openForReading(path)
        let blocks = Self.blockCount(parameterCount)
        let expected = 4 * parameterCount + Digest.byteCount * blocks
        let found = try file.byteCount()
        guard found == expected else { throw .wrongSize(file: path, expectedBytes: expected, foundBytes: found) }

        let raw = Storage<UInt8>(count: Digest.byteCount * blocks, filledWith: 0)
        try file.read(at: 4 * parameterCount, into: UnsafeMutableRawBufferPointer(raw.buffer))
        var leaves: [Digest] = []
        leaves.reserveCapacity(blocks)
        for block in 0..<blocks {
            let bytes = raw.buffer[Digest.byteCount * block..<Digest.byteCount * (block + 1)]
            guard let leaf = Digest(bytes: bytes) else { preconditionFailure("a digest has 32 bytes") }
            leaves.append(leaf)
        }
        let tree = MerkleTree(leaves: leaves)
        if let expectedRoot, tree.root != expectedRoot {
            throw .wrongRoot(file: path, expected: expectedRoot, found: tree.root)
        }
        self.path = path
        self.parameterCount = parameterCount
        self.tree = tree
        self.file = file
    }

    public var root: Digest { tree.root }

    public var blockCount: Int { tree.leafCount }

    static func blockCount(_ parameterCount: Int) -> Int {
        (parameterCount + ParameterLayout.blockParameters - 1) / ParameterLayout.blockParameters
    }

    /// The parameters of a block.
    public func parameters(ofBlock block: Int) -> Range<Int> {
        precondition(block >= 0 && block < blockCount)
        let start = block * ParameterLayout.blockParameters
        return start..<min(start + ParameterLayout.blockParameters, parameterCount)
    }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(ParameterFileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        try file.read(at: 4 * offset, into: UnsafeMutableRawBufferPointer(buffer))
        FloatBytes.swapOnBigEndian(buffer)
    }

    /// Reads a whole block and checks it against its Merkle leaf.
    ///
    /// - Parameter buffer: exactly as many parameters as the block has.
    public func readBlock(
        _ block: Int, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(ParameterFileError) {
        let range = parameters(ofBlock: block)
        precondition(buffer.count == range.count)
        try file.read(at: 4 * range.lowerBound, into: UnsafeMutableRawBufferPointer(buffer))
        guard MerkleTree.leaf(UnsafeRawBufferPointer(buffer)) == tree.leaves[block] else {
            throw .corruptBlock(file: path, block: block)
        }
        FloatBytes.swapOnBigEndian(buffer)
    }

    /// Reads every block against its leaf; throws for the first bad one.
    public func verify() throws(ParameterFileError) {
        let scratch = Storage<Float>(
            count: min(ParameterLayout.blockParameters, parameterCount), filledWith: 0)
        for block in 0..<blockCount {
            let count = parameters(ofBlock: block).count
            try readBlock(block, into: UnsafeMutableBufferPointer(rebasing: scratch.buffer[..<count]))
        }
    }
}

/// Float32 on disk and on the wire is little-endian; on a big-endian machine the words are swapped in place.
enum FloatBytes {
    static func swapOnBigEndian(_ buffer: UnsafeMutableBufferPointer<Float>) {
        #if _endian(big)
            for index in buffer.indices {
                buffer[index] = Float(bitPattern: buffer[index].bitPattern.byteSwapped)
            }
        #endif
    }
}
