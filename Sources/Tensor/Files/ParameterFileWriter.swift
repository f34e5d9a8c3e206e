import Crypto
import System

/// Writes a `ParameterFile`: under a temporary name, then synced, renamed, and the folder synced. What is abandoned
/// leaves nothing under the final name.
///
/// Blocks may come in any order and from several threads, each once. A writer that goes away without `finish` removes
/// its temporary file.
public final class ParameterFileWriter: Sendable {
    public let shape: StateShape
    private let output: NewFile
    private let leaves: Guarded<[Digest?]>

    public init(path: String, shape: StateShape) throws(FileError) {
        self.shape = shape
        output = try NewFile(path, temporaryName: .fixed)
        leaves = Guarded(Array(repeating: nil, count: shape.blockCount))
    }

    public var path: String { output.path }

    /// Writes one whole block and returns its Merkle leaf.
    @discardableResult
    public func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(FileError) -> Digest {
        let range = shape.values(ofBlock: block)
        let start = range.lowerBound
        guard values.count == range.count else {
            throw .wrongSize(file: path, expectedBytes: 4 * range.count, foundBytes: 4 * values.count)
        }
        for value in values where !value.isFinite {
            throw .damaged(file: path, place: "block \(block) has a number that is not finite")
        }
        let leaf: Digest
        #if _endian(big)
            let swapped = Storage<Float>(count: values.count, filledWith: 0)
            _ = swapped.buffer.update(fromContentsOf: values)
            FloatBytes.swapOnBigEndian(swapped.buffer)
            let bytes = UnsafeRawBufferPointer(swapped.buffer)
            leaf = MerkleTree.leaf(bytes)
            try output.file.write(bytes, at: 4 * start)
        #else
            leaf = MerkleTree.leaf(UnsafeRawBufferPointer(values))
            try output.file.write(UnsafeRawBufferPointer(values), at: 4 * start)
        #endif
        leaves.withLock { $0[block] = leaf }
        return leaf
    }

    /// Syncs, renames, and returns the trees. Every block must have been written.
    public func finish() throws(FileError) -> StateTree {
        let leaves = leaves.withLock { $0.compactMap { $0 } }
        guard leaves.count == shape.blockCount else {
            throw .wrongSize(
                file: path, expectedBytes: 4 * shape.valueCount + Digest.byteCount * shape.blockCount,
                foundBytes: 4 * shape.valueCount + Digest.byteCount * leaves.count)
        }
        try output.file.write(leaves.flatMap(\.bytes), at: 4 * shape.valueCount)
        try output.finish()
        return StateTree(leaves: leaves, shape: shape)
    }
}

extension ParameterFile {
    /// Copies a flat vector into a new parameter file, a block in memory at a time, and returns its trees.
    ///
    /// - Parameter outer: the optimizer's state that follows; nil where there is none.
    @discardableResult
    public static func write(
        _ source: some ParameterSource, outer: (any ParameterSource)? = nil, to path: String
    ) throws(FileError) -> StateTree {
        let shape = StateShape(parameterCount: source.parameterCount, outerCount: outer?.parameterCount ?? 0)
        let writer = try ParameterFileWriter(path: path, shape: shape)
        let scratch = Storage<Float>(count: ParameterLayout.blockParameters, filledWith: 0)
        for block in 0..<shape.blockCount {
            let range = shape.values(ofBlock: block)
            let buffer = UnsafeMutableBufferPointer(rebasing: scratch.buffer[..<range.count])
            if let outer, block >= shape.parameterBlockCount {
                try outer.read(at: range.lowerBound - shape.parameterCount, into: buffer)
            } else {
                try source.read(at: range.lowerBound, into: buffer)
            }
            try writer.writeBlock(block, UnsafeBufferPointer(buffer))
        }
        return try writer.finish()
    }

    /// The Merkle tree that `source` would have as a parameter file: for a root without a file.
    public static func tree(of source: some ParameterSource) throws(FileError) -> MerkleTree {
        let scratch = Storage<Float>(
            count: min(ParameterLayout.blockParameters, max(source.parameterCount, 1)), filledWith: 0)
        var leaves: [Digest] = []
        for start in stride(from: 0, to: source.parameterCount, by: ParameterLayout.blockParameters) {
            let count = min(ParameterLayout.blockParameters, source.parameterCount - start)
            let buffer = UnsafeMutableBufferPointer(rebasing: scratch.buffer[..<count])
            try source.read(at: start, into: buffer)
            FloatBytes.swapOnBigEndian(buffer)
            leaves.append(MerkleTree.leaf(UnsafeRawBufferPointer(buffer)))
        }
        return MerkleTree(leaves: leaves)
    }
}
