import Crypto
import Locking

/// Writes a `ParameterFile`: under a temporary name, then synced, renamed, and the folder synced. What is abandoned
/// leaves nothing under the final name.
///
/// Blocks may come in any order and from several threads, each once. A writer that goes away without `finish` removes
/// its temporary file.
public final class ParameterFileWriter: Sendable {
    public let path: String
    public let shape: StateShape
    private let temporary: String
    private let file: SystemFile
    private let state: Guarded<State>

    private struct State {
        var leaves: [Digest?]
        var isFinished = false
    }

    public init(path: String, shape: StateShape) throws(ParameterFileError) {
        self.path = path
        self.shape = shape
        temporary = path + ".partial"
        file = try SystemFile.create(temporary)
        state = Guarded(State(leaves: Array(repeating: nil, count: shape.blockCount)))
    }

    deinit {
        if !state.withLock({ $0.isFinished }) { SystemFile.remove(temporary) }
    }

    /// Writes one whole block and returns its Merkle leaf.
    @discardableResult
    public func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(ParameterFileError) -> Digest {
        let range = shape.values(ofBlock: block)
        let start = range.lowerBound
        guard values.count == range.count else {
            throw .wrongCount(file: path, expected: range.count, found: values.count)
        }
        for value in values where !value.isFinite { throw .nonFinite(file: path, block: block) }
        let leaf: Digest
        #if _endian(big)
            let swapped = Storage<Float>(count: values.count, filledWith: 0)
            _ = swapped.buffer.update(fromContentsOf: values)
            FloatBytes.swapOnBigEndian(swapped.buffer)
            let bytes = UnsafeRawBufferPointer(swapped.buffer)
            leaf = MerkleTree.leaf(bytes)
            try file.write(bytes, at: 4 * start)
        #else
            leaf = MerkleTree.leaf(UnsafeRawBufferPointer(values))
            try file.write(UnsafeRawBufferPointer(values), at: 4 * start)
        #endif
        state.withLock { $0.leaves[block] = leaf }
        return leaf
    }

    /// Syncs, renames, and returns the trees. Every block must have been written.
    public func finish() throws(ParameterFileError) -> StateTree {
        let leaves = state.withLock { $0.leaves.compactMap { $0 } }
        let blocks = shape.blockCount
        guard leaves.count == blocks else { throw .wrongCount(file: path, expected: blocks, found: leaves.count) }
        let trailer = leaves.flatMap(\.bytes)
        let raw = Storage<UInt8>(count: trailer.count, filledWith: 0)
        _ = raw.buffer.update(fromContentsOf: trailer)
        try file.write(UnsafeRawBufferPointer(raw.buffer), at: 4 * shape.valueCount)
        try file.synchronize()
        try SystemFile.adopt(temporary, as: path)
        state.withLock { $0.isFinished = true }
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
    ) throws(ParameterFileError) -> StateTree {
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
    public static func tree(of source: some ParameterSource) throws(ParameterFileError) -> MerkleTree {
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
