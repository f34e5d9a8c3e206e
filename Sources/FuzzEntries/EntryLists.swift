import Tensor

/// The lists of (index, level, scale) in a top-k payload, and the one byte string for them, written apart from the
/// codec by the text of Docs/codec.md. A payload that a decoder accepts must be that string.
public struct EntryLists: Equatable, Sendable {
    public struct Chunk: Equatable, Sendable {
        /// Ascending places in the chunk.
        public var indices: [UInt16]
        /// Odd numbers, one for each index.
        public var levels: [Int8]
        /// The scale in units of 2^-40; 0 without entries.
        public var unit: Int64

        public init(indices: [UInt16], levels: [Int8], unit: Int64) {
            self.indices = indices
            self.levels = levels
            self.unit = unit
        }
    }

    /// One for each chunk of the layout, in its order.
    public var chunks: [Chunk]

    public init(chunks: [Chunk]) { self.chunks = chunks }

    /// Decodes a contribution of a top-k profile.
    public init(_ contribution: Contribution) throws(CodecError) {
        let decoder = SegmentDecoder(contribution)
        chunks = []
        for index in 0..<contribution.layout.chunkCount {
            guard case .sparse(let indices, let levels, let unit) = try decoder.chunk(index) else {
                preconditionFailure("a top-k payload")
            }
            chunks.append(Chunk(indices: Array(indices), levels: Array(levels), unit: unit))
        }
    }

    /// The payload of these lists. Units must be representable and counts within the profile's limits.
    public func payload(_ layout: ParameterLayout, kept: Int, bits: Int) -> [UInt8] {
        var front = Array("MPG2".utf8) + [1, UInt8(bits)]
        front += withUnsafeBytes(of: UInt16(kept).littleEndian, Array.init)
        front += withUnsafeBytes(of: UInt64(layout.parameterCount).littleEndian, Array.init)
        front += withUnsafeBytes(of: UInt32(layout.segmentCount).littleEndian, Array.init)
        var segments: [UInt8] = []
        for segment in 0..<layout.segmentCount {
            let bytes = self.segment(layout.chunks(ofSegment: segment), layout, kept: kept, bits: bits)
            front += withUnsafeBytes(of: UInt32(bytes.count).littleEndian, Array.init)
            segments += bytes
        }
        return front + segments
    }

    private func segment(_ range: Range<Int>, _ layout: ParameterLayout, kept: Int, bits: Int) -> [UInt8] {
        let words = range.map { index -> UInt32 in
            let chunk = chunks[index]
            guard !chunk.indices.isEmpty else { return 0 }
            let limit = max(1, kept * layout.chunk(at: index).count / 4096)
            let exponent = max(0, 63 - chunk.unit.leadingZeroBitCount - 4)
            let code = UInt32(16 * exponent) + UInt32(chunk.unit >> Int64(exponent))
            return UInt32(limit - chunk.indices.count) << 10 | code
        }
        var bytes = words.map { UInt8($0 & 255) } + words.map { UInt8($0 >> 8 & 255) }
        if kept > 64 { bytes += words.map { UInt8($0 >> 16) } }
        var codes: [Int] = []
        for index in range {
            var next = 0
            for (place, level) in zip(chunks[index].indices, chunks[index].levels) {
                let gap = Int(place) - next
                next = Int(place) + 1
                bytes += [UInt8](repeating: 255, count: gap / 255) + [UInt8(gap % 255)]
                codes.append((Int(level) + (1 << bits) - 1) / 2)
            }
        }
        let perByte = 8 / bits
        for start in stride(from: 0, to: codes.count, by: perByte) {
            let group = codes[start..<min(start + perByte, codes.count)]
            bytes.append(UInt8(group.enumerated().reduce(0) { $0 | $1.element << (bits * $1.offset) }))
        }
        return bytes
    }
}
