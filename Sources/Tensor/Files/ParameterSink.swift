import Crypto
import System

/// Takes a flat vector of float32 from its beginning to its end.
public protocol ParameterSink: AnyObject {
    func append(_ values: UnsafeBufferPointer<Float>) throws(FileError)
}

/// Collects a flat vector in memory.
public final class ParameterArraySink: ParameterSink {
    public private(set) var values: [Float] = []

    public init() {}

    public func append(_ values: UnsafeBufferPointer<Float>) throws(FileError) {
        self.values.append(contentsOf: values)
    }
}

/// Appends to a new parameter file; `finish` gives it its name. Not for several threads.
public final class ParameterFileAppender: ParameterSink {
    private let writer: ParameterFileWriter
    private let block: Storage<Float>
    private var filled = 0
    private var nextBlock = 0

    public init(path: String, parameterCount: Int) throws(FileError) {
        writer = try ParameterFileWriter(path: path, shape: StateShape(parameterCount: parameterCount))
        block = Storage(count: min(ParameterLayout.blockParameters, parameterCount), filledWith: 0)
    }

    public func append(_ values: UnsafeBufferPointer<Float>) throws(FileError) {
        let total = nextBlock * ParameterLayout.blockParameters + filled + values.count
        guard total <= writer.shape.parameterCount else {
            throw .wrongSize(
                file: writer.path, expectedBytes: 4 * writer.shape.parameterCount, foundBytes: 4 * total)
        }
        var rest = values[...]
        while !rest.isEmpty {
            let taken = min(block.buffer.count - filled, rest.count)
            _ = block.buffer[filled...].update(fromContentsOf: rest.prefix(taken))
            rest = rest.dropFirst(taken)
            filled += taken
            if filled == block.buffer.count { try flush() }
        }
    }

    /// Syncs, renames, and returns the tree. All parameters must have been appended.
    @discardableResult
    public func finish() throws(FileError) -> MerkleTree {
        if filled > 0 { try flush() }
        return try writer.finish().parameters
    }

    private func flush() throws(FileError) {
        try writer.writeBlock(nextBlock, UnsafeBufferPointer(rebasing: block.buffer[..<filled]))
        nextBlock += 1
        filled = 0
    }
}
