/// Tensors of a model that are not trained: integers, booleans, and tensors without elements. They are part of the
/// genesis, and every export has them beside the parameters.
public struct CarriedTensors: Hashable, Sendable {
    public struct Tensor: Hashable, Sendable {
        public let name: String
        public let type: SafetensorsType
        public let shape: [Int]
        public let bytes: [UInt8]
    }

    /// By ascending name.
    public let tensors: [Tensor]

    public init(_ tensors: [Tensor] = []) {
        self.tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    public var isEmpty: Bool { tensors.isEmpty }

    /// As a safetensors file by itself: the same bytes for the same tensors.
    public var encoded: [UInt8] {
        let header = SafetensorsHeader.bytes(parts: SafetensorsHeader.parts(of: self, at: 0), metadata: [])
        return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
            + tensors.flatMap(\.bytes)
    }

    /// Reads what `encoded` wrote.
    ///
    /// - Parameter name: for errors.
    public init(decoding bytes: [UInt8], name: String) throws(SafetensorsError) {
        let length = bytes.count >= 8 ? PayloadHeader.littleEndian(bytes[..<8]) : 0
        guard bytes.count >= 8, length <= UInt64(bytes.count - 8) else {
            throw .headerTooLong(file: name, bytes: length)
        }
        let start = 8 + Int(length)
        let header = try SafetensorsHeader(
            Array(bytes[8..<start]), dataBytes: bytes.count - start, file: name)
        var tensors: [Tensor] = []
        for entry in header.entries {
            guard !entry.isParameter else { throw .unexpectedParameter(file: name, name: entry.name) }
            tensors.append(
                Tensor(
                    name: entry.name, type: entry.type, shape: entry.shape,
                    bytes: Array(bytes[start + entry.range.lowerBound..<start + entry.range.upperBound])))
        }
        self.init(tensors)
    }
}
