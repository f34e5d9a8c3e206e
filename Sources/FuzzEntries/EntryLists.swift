import Tensor

/// The lists of (index, level, scale) in a top-k payload, and the one byte string for them, written apart from the
/// codec by the text of Docs/codec.md. A payload that a decoder accepts must be that string.
public struct EntryLists: Equatable, Sendable {
    public struct Chunk: Equatable, Sendable {
        /// Ascending places in the chunk.
        public var indices: [UInt16]
        /// Odd numbers, one for each index.
        public var levels: [Int16]
        /// The scale in units of 2^-40; 0 without entries.
        public var unit: Int64

        public init(indices: [UInt16], levels: [Int16], unit: Int64) {
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
        var front = Array("MPG2".utf8) + [kept < 512 ? 1 : 3, UInt8(bits)]
        front += withUnsafeBytes(of: UInt16(kept).littleEndian, Array.init)
        front += withUnsafeBytes(of: UInt64(layout.parameterCount).littleEndian, Array.init)
        front += withUnsafeBytes(of: UInt32(layout.segmentCount).littleEndian, Array.init)
        var segments: [UInt8] = []
        for segment in 0..<layout.segmentCount {
            let range = layout.chunks(ofSegment: segment)
            let bytes =
                (kept < 512 ? headsAndGaps(range, layout, kept: kept) : headsAndBitmaps(range, layout))
                + codes(range, bits: bits)
            front += withUnsafeBytes(of: UInt32(bytes.count).littleEndian, Array.init)
            segments += bytes
        }
        return front + segments
    }

    /// The code of a unit: the number itself, or five significant bits and an exponent.
    private static func code(ofUnit unit: Int64) -> UInt32 {
        let exponent = max(0, 63 - unit.leadingZeroBitCount - 4)
        return UInt32(16 * exponent) + UInt32(unit >> Int64(exponent))
    }

    private func headsAndGaps(_ range: Range<Int>, _ layout: ParameterLayout, kept: Int) -> [UInt8] {
        let words = range.map { index -> UInt32 in
            let chunk = chunks[index]
            guard !chunk.indices.isEmpty else { return 0 }
            let limit = max(1, kept * layout.chunk(at: index).count / 4096)
            return UInt32(limit - chunk.indices.count) << 10 | Self.code(ofUnit: chunk.unit)
        }
        var bytes = words.map { UInt8($0 & 255) } + words.map { UInt8($0 >> 8 & 255) }
        if kept > 64 { bytes += words.map { UInt8($0 >> 16) } }
        for index in range {
            var next = 0
            for place in chunks[index].indices {
                let gap = Int(place) - next
                next = Int(place) + 1
                bytes += [UInt8](repeating: 255, count: gap / 255) + [UInt8(gap % 255)]
            }
        }
        return bytes
    }

    private func headsAndBitmaps(_ range: Range<Int>, _ layout: ParameterLayout) -> [UInt8] {
        let scales = range.map { chunks[$0].indices.isEmpty ? 0 : Self.code(ofUnit: chunks[$0].unit) }
        var bytes = scales.map { UInt8($0 & 255) } + scales.map { UInt8($0 >> 8) }
        for index in range where !chunks[index].indices.isEmpty {
            let chosen = Set(chunks[index].indices)
            for start in stride(from: 0, to: layout.chunk(at: index).count, by: 8) {
                bytes.append(UInt8((0..<8).reduce(0) { $0 | (chosen.contains(UInt16(start + $1)) ? 1 << $1 : 0) }))
            }
        }
        return bytes
    }

    private func codes(_ range: Range<Int>, bits: Int) -> [UInt8] {
        let codes = range.flatMap { chunks[$0].levels.map { (Int($0) + (1 << bits) - 1) / 2 } }
        let perByte = 8 / bits
        return stride(from: 0, to: codes.count, by: perByte).map { start in
            let group = codes[start..<min(start + perByte, codes.count)]
            return UInt8(group.enumerated().reduce(0) { $0 | $1.element << (bits * $1.offset) })
        }
    }
}
