import System

/// A flat vector of float32 that can be read in any part: a parameter file, a tensor file, an array.
public protocol ParameterSource: Sendable {
    var parameterCount: Int { get }

    /// Fills `buffer` with the parameters from `offset` on. The range must lie inside the vector.
    func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError)

    /// Fills `buffer` with a whole block of 262,144 parameters (the last may be shorter); a source that can check the
    /// block's digest does.
    func readBlock(_ block: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError)
}

extension ParameterSource {
    public func readBlock(
        _ block: Int, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(FileError) {
        try read(at: block * ParameterLayout.blockParameters, into: buffer)
    }
}

/// A flat vector in memory.
public struct ParameterArray: ParameterSource {
    public let values: [Float]

    public init(_ values: [Float]) { self.values = values }

    public var parameterCount: Int { values.count }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= values.count - offset)
        _ = buffer.update(fromContentsOf: values[offset..<offset + buffer.count])
    }
}

/// A flat vector of zeros: the residual before the first contribution.
public struct ZeroParameters: ParameterSource {
    public let parameterCount: Int

    public init(parameterCount: Int) { self.parameterCount = parameterCount }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        buffer.update(repeating: 0)
    }
}

extension ParameterSource {
    /// All parameters in memory: for small models and tests.
    public func readAll() throws(FileError) -> [Float] {
        let storage = Storage<Float>(count: max(parameterCount, 1), filledWith: 0)
        try read(at: 0, into: UnsafeMutableBufferPointer(rebasing: storage.buffer[..<parameterCount]))
        return Array(storage.buffer[..<parameterCount])
    }
}
