import Crypto
import System

/// A version of the parameters on disk: the flat vector as float32 little-endian, then the state of the shared optimizer where there
/// is one, then the Merkle leaf of each block of 262,144 values (32 bytes each). Nothing else; the roots name it (`StateTree.name`).
/// Immutable once it has its name. As a `ParameterSource` it is the parameters alone.
///
/// `open` checks the leaves against the expected root, and every block that is read through `readBlock` or `verify` is
/// checked against its leaf, so a flipped bit anywhere in the file is noticed and its block named. `read` (parts of
/// blocks) does not check: use it after `verify`, or where what is read is checked otherwise.
public struct ParameterFile: ParameterSource {
    public let path: String
    public let shape: StateShape
    public let tree: StateTree
    private let file: File

    /// Parameters without an optimizer's state.
    ///
    /// - Parameters:
    ///   - parameterCount: what the layout says; decides the size that the file must have.
    ///   - expectedRoot: the root that a version record certifies; nil takes the file's own word for it.
    public init(path: String, parameterCount: Int, expectedRoot: Digest?) throws(FileError) {
        try self.init(path: path, shape: StateShape(parameterCount: parameterCount), expectedName: expectedRoot)
    }

    /// - Parameters:
    ///   - shape: decides the size that the file must have.
    ///   - expectedName: what a version record's roots give; nil takes the file's own word for it.
    public init(path: String, shape: StateShape, expectedName: Digest?) throws(FileError) {
        let file = try File.open(path, .read)
        let blocks = shape.blockCount
        let expected = 4 * shape.valueCount + Digest.byteCount * blocks
        let found = try file.byteCount()
        guard found == expected else { throw .wrongSize(file: path, expectedBytes: expected, foundBytes: found) }

        let trailer = try file.read(at: 4 * shape.valueCount, count: Digest.byteCount * blocks)
        var leaves: [Digest] = []
        leaves.reserveCapacity(blocks)
        for block in 0..<blocks {
            guard let leaf = Digest(bytes: trailer[Digest.byteCount * block..<Digest.byteCount * (block + 1)]) else {
                preconditionFailure("a digest has 32 bytes")
            }
            leaves.append(leaf)
        }
        let tree = StateTree(leaves: leaves, shape: shape)
        if let expectedName, tree.name != expectedName {
            throw .damaged(
                file: path,
                place: "the Merkle leaves at its end lead to \(tree.name.short), expected \(expectedName.short)")
        }
        self.path = path
        self.shape = shape
        self.tree = tree
        self.file = file
    }

    public var parameterCount: Int { shape.parameterCount }

    /// Of the parameters.
    public var root: Digest { tree.parameters.root }

    /// Of the optimizer's state, where there is one.
    public var outerRoot: Digest? { tree.outer?.root }

    public var name: Digest { tree.name }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        try readValues(at: offset, into: buffer)
    }

    /// Values counted from the beginning of the file, unchecked.
    func readValues(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        try file.read(at: 4 * offset, into: UnsafeMutableRawBufferPointer(buffer))
        FloatBytes.swapOnBigEndian(buffer)
    }

    /// Reads a whole block and checks it against its Merkle leaf.
    ///
    /// - Parameter buffer: exactly as many values as the block has.
    public func readBlock(
        _ block: Int, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(FileError) {
        let range = shape.values(ofBlock: block)
        precondition(buffer.count == range.count)
        try file.read(at: 4 * range.lowerBound, into: UnsafeMutableRawBufferPointer(buffer))
        guard MerkleTree.leaf(UnsafeRawBufferPointer(buffer)) == tree.leaf(block) else {
            throw .damaged(file: path, place: "block \(block)")
        }
        FloatBytes.swapOnBigEndian(buffer)
    }

    /// Reads every block against its leaf; throws for the first bad one.
    public func verify() throws(FileError) {
        let scratch = Storage<Float>(
            count: min(ParameterLayout.blockParameters, shape.valueCount), filledWith: 0)
        for block in 0..<shape.blockCount {
            let count = shape.values(ofBlock: block).count
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
