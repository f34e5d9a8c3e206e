import Crypto

/// One named tensor of a layout, and where it lies in the flat vector.
public struct ParameterTensor: Hashable, Sendable {
    /// 1 to 256 bytes of UTF-8. No other name of its layout is the same bytes.
    @ExactText public var name: String
    /// Sizes from the slowest to the fastest dimension; empty for a single number. No size is zero.
    public let shape: [Int]
    /// Elements: the product of `shape`.
    public let count: Int
    /// Index of the first element in the flat vector.
    public let offset: Int
    /// Index of the first chunk in the layout's sequence of chunks.
    public let firstChunk: Int

    /// The elements in the flat vector.
    public var range: Range<Int> { offset..<offset + count }

    /// Chunks of this tensor: one for each 4096 elements begun.
    public var chunkCount: Int { (count + ParameterLayout.chunkParameters - 1) / ParameterLayout.chunkParameters }
}

/// Why a list of tensors is no layout.
public enum LayoutError: Error, Hashable, Sendable {
    case noTensors
    case tooManyTensors(count: Int, limit: Int)
    case badName(String)
    case duplicateName(String)
    case badShape(name: String, shape: [Int])
    case tooManyParameters(limit: Int)
}

extension LayoutError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noTensors: "the model has no tensors to train"
        case .tooManyTensors(let count, let limit): "the model has \(count) tensors, at most \(limit) are possible"
        case .badName(let name):
            "the tensor name \"\(name)\" is empty or longer than \(ParameterLayout.nameBytesLimit) bytes"
        case .duplicateName(let name): "the tensor \(name) is named twice"
        case .badShape(let name, let shape):
            "the tensor \(name) has the shape \(shape), which is empty or has more than "
                + "\(ParameterLayout.rankLimit) dimensions"
        case .tooManyParameters(let limit): "the model has more than \(limit) parameters"
        }
    }
}

/// The fixed order in which the tensors of a model form one flat vector of float32.
///
/// Three grids lie over it. **Chunks** of 4096 run over each tensor, its last one shorter. **Segments** are 256
/// consecutive chunks of the whole sequence, across tensors (the last one shorter): small tensors share one. **Blocks**
/// of 262,144 parameters (1 MiB) run over the flat vector: each is a leaf of the Merkle tree. See Docs/parameters.md.
public struct ParameterLayout: Hashable, Sendable {
    public static let chunkParameters = 4096
    public static let segmentChunks = 256
    public static let blockParameters = 262_144
    public static let blockBytes = 4 * blockParameters

    public static let tensorCountLimit = 4096
    public static let nameBytesLimit = 256
    public static let rankLimit = 8
    public static let parameterCountLimit = 1 << 40

    public let tensors: [ParameterTensor]
    /// Length of the flat vector.
    public let parameterCount: Int
    public let chunkCount: Int

    /// - Parameter tensors: names and shapes in the order of the flat vector.
    public init(_ tensors: [(name: String, shape: [Int])]) throws(LayoutError) {
        guard !tensors.isEmpty else { throw .noTensors }
        guard tensors.count <= Self.tensorCountLimit else {
            throw .tooManyTensors(count: tensors.count, limit: Self.tensorCountLimit)
        }
        var placed: [ParameterTensor] = []
        placed.reserveCapacity(tensors.count)
        var names = Set<ExactText>()
        var offset = 0
        var firstChunk = 0
        for (name, shape) in tensors {
            guard (1...Self.nameBytesLimit).contains(name.utf8.count) else { throw .badName(name) }
            guard names.insert(ExactText(name)).inserted else { throw .duplicateName(name) }
            guard shape.count <= Self.rankLimit else { throw .badShape(name: name, shape: shape) }
            var count = 1
            for size in shape {
                guard size > 0 else { throw .badShape(name: name, shape: shape) }
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow, product <= Self.parameterCountLimit else {
                    throw .tooManyParameters(limit: Self.parameterCountLimit)
                }
                count = product
            }
            let tensor = ParameterTensor(
                name: name, shape: shape, count: count, offset: offset, firstChunk: firstChunk)
            offset += count
            guard offset <= Self.parameterCountLimit else { throw .tooManyParameters(limit: Self.parameterCountLimit) }
            firstChunk += tensor.chunkCount
            placed.append(tensor)
        }
        self.tensors = placed
        parameterCount = offset
        chunkCount = firstChunk
    }

    /// The index of the tensor with this name.
    public func index(of name: String) -> Int? { tensors.firstIndex { $0.name.hasSameBytes(as: name) } }

    /// What names this layout: the digest of names and shapes in order. Two sites with equal digests lay out alike.
    public var digest: Digest {
        let hasher = DigestHasher(DigestDomain("mesh/layout"))
        func number(_ value: Int) { hasher.update(withUnsafeBytes(of: UInt64(value).littleEndian, Array.init)) }
        number(tensors.count)
        for tensor in tensors {
            number(tensor.name.utf8.count)
            hasher.update(Array(tensor.name.utf8))
            number(tensor.shape.count)
            for size in tensor.shape { number(size) }
        }
        return hasher.finalize()
    }
}
