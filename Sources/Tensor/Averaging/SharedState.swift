import Crypto
import System

/// The state of the shared optimizer: the second moment of every parameter, then the number of steps that the schedule has gone.
///
/// The number is a float32, exact up to 2^24, where it stays: no schedule is longer.
public enum SharedState {
    public static let stepsMaximum = 1 << 24

    /// Values of the state of a model of so many parameters.
    public static func count(parameterCount: Int) -> Int { parameterCount + 1 }

    /// The steps behind a state.
    ///
    /// - Throws: what reading throws; `damaged` if the value is no number of steps.
    public static func steps(of state: any ParameterSource, path: String = "") throws(FileError) -> Int {
        let blocks = StateShape(parameterCount: state.parameterCount)
        let last = blocks.parameterBlockCount - 1
        let values = Storage<Float>(count: blocks.values(ofBlock: last).count, filledWith: 0)
        try state.readBlock(last, into: values.buffer)
        let steps = values.buffer[values.buffer.count - 1]
        guard steps >= 0, steps.sign == .plus, steps <= Float(stepsMaximum), steps == steps.rounded() else {
            throw .damaged(file: path, place: "block \(last) has no number of steps at its end")
        }
        return Int(steps)
    }
}

/// The second moments in a state of the shared optimizer.
public struct SecondMomentSource: ParameterSource {
    private let state: any ParameterSource

    public init(state: any ParameterSource) { self.state = state }

    public var parameterCount: Int { state.parameterCount - 1 }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        try state.read(at: offset, into: buffer)
    }

    public func readBlock(_ block: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        let count = StateShape(parameterCount: state.parameterCount).values(ofBlock: block).count
        if count == buffer.count { return try state.readBlock(block, into: buffer) }
        // The last block ends with the number of steps.
        let whole = Storage<Float>(count: count, filledWith: 0)
        try state.readBlock(block, into: whole.buffer)
        _ = buffer.update(fromContentsOf: whole.buffer[..<buffer.count])
    }
}

/// Takes the second moments block by block, and writes them as a state with a number of steps at its end.
public struct SecondMomentSink: BlockSink {
    private let output: any BlockSink
    private let parameterCount: Int
    private let steps: Int

    /// - Parameters:
    ///   - output: takes the blocks of the state.
    ///   - steps: at most `SharedState.stepsMaximum`.
    public init(output: any BlockSink, parameterCount: Int, steps: Int) {
        precondition((0...SharedState.stepsMaximum).contains(steps))
        self.output = output
        self.parameterCount = parameterCount
        self.steps = steps
    }

    public func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(FileError) -> Digest {
        let end = block * ParameterLayout.blockParameters + values.count
        guard end == parameterCount else { return try output.writeBlock(block, values) }
        if values.count == ParameterLayout.blockParameters {
            let leaf = try output.writeBlock(block, values)
            _ = try [Float(steps)].withUnsafeBlock { (values) throws(FileError) in
                try output.writeBlock(block + 1, values)
            }
            return leaf
        }
        return try (Array(values) + [Float(steps)]).withUnsafeBlock { (values) throws(FileError) in
            try output.writeBlock(block, values)
        }
    }
}

extension [Float] {
    /// `withUnsafeBufferPointer` with the error's type.
    fileprivate func withUnsafeBlock<Result>(
        _ body: (UnsafeBufferPointer<Float>) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        let storage = Storage<Float>(count: count, filledWith: 0)
        _ = storage.buffer.update(fromContentsOf: self)
        return try body(UnsafeBufferPointer(storage.buffer))
    }
}

extension ParameterFile {
    /// The state of the shared optimizer, where the file has one: every block that is read whole is checked.
    public var outer: (any ParameterSource)? { shape.outerCount > 0 ? OuterPart(file: self) : nil }

    private struct OuterPart: ParameterSource {
        let file: ParameterFile

        var parameterCount: Int { file.shape.outerCount }

        func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
            precondition(offset >= 0 && buffer.count <= parameterCount - offset)
            try file.readValues(at: file.parameterCount + offset, into: buffer)
        }

        func readBlock(_ block: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
            try file.readBlock(file.shape.parameterBlockCount + block, into: buffer)
        }
    }
}

extension ParameterFileWriter {
    /// Takes the blocks of the optimizer's state, numbered from 0.
    public var outer: any BlockSink { OuterBlocks(writer: self) }

    private struct OuterBlocks: BlockSink {
        let writer: ParameterFileWriter

        func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(FileError) -> Digest {
            try writer.writeBlock(writer.shape.parameterBlockCount + block, values)
        }
    }
}
