/// Sizes of a top-k segment's streams. For c chunks with e entries in all, in this order (Docs/codec.md):
///
/// 1. heads, `headPlanes` bytes per chunk: the low bytes of all head words, then their second bytes, and so on;
/// 2. positions of the entries: gaps or bitmaps;
/// 3. codes: bits each, the first in the lowest bits, the last byte filled with zeros.
///
/// Bytes of one kind stand together so that a link's compression gives each kind its own table.
struct SegmentFormat {
    /// How the positions of a chunk's entries are written. Follows from `kept` alone: the shorter one of full chunks.
    enum Positions {
        /// For each entry the parameters skipped since the entry before it, as bytes: 255 means 255 and more follows.
        case gaps
        /// One bit for each parameter of a chunk that has entries, the first in the lowest bit.
        case bitmap

        init(kept: Int) { self = kept < ParameterLayout.chunkParameters / 8 ? .gaps : .bitmap }
    }

    let chunks: Range<Int>
    let kept: Int
    let bits: Int

    var positions: Positions { Positions(kept: kept) }

    /// Bytes of a head word. With at most 64 entries per chunk the count fits the six bits beside the scale; a bitmap
    /// has its count in itself.
    var headPlanes: Int { positions == .gaps && kept > 64 ? 3 : 2 }

    var headBytes: Int { headPlanes * chunks.count }

    func codeBytes(entries: Int) -> Int { (entries * bits + 7) / 8 }

    static func bitmapBytes(chunkCount: Int) -> Int { (chunkCount + 7) / 8 }

    /// The most bytes that the positions of one chunk can take.
    func positionBytesLimit(entries: Int, chunkCount: Int) -> Int {
        switch positions {
        case .gaps: entries + (chunkCount - min(entries, chunkCount)) / 255
        case .bitmap: Self.bitmapBytes(chunkCount: chunkCount)
        }
    }

    /// The fewest and the most bytes that the segment can have. Both occur.
    static func byteCounts(layout: ParameterLayout, segment: Int, profile: CodecProfile) -> ClosedRange<Int> {
        let chunks = layout.chunks(ofSegment: segment)
        guard case .topK(let kept, let bits) = profile else {
            let count = profile.denseBytes * layout.parameters(ofSegment: segment).count
            return count...count
        }
        let format = SegmentFormat(chunks: chunks, kept: kept, bits: bits)
        var positions = 0
        var entries = 0
        for index in chunks {
            let count = layout.chunk(at: index).count
            let limit = profile.entryLimit(chunkCount: count)
            positions += format.positionBytesLimit(entries: limit, chunkCount: count)
            entries += limit
        }
        return format.headBytes...format.headBytes + positions + format.codeBytes(entries: entries)
    }
}

/// The scale of a chunk: ten bits of a floating-point number with four fraction bits and no sign. Codes below 32 are
/// the number itself; above, the upper six bits are an exponent. No number has two codes, and larger codes are larger
/// numbers.
struct ScaleCode: Equatable {
    static let bits = 10

    /// For 1, 2 and 4 bits a value is below 15 * 31 * 2^41, for 8 bits below 255 * 31 * 2^37: less than 2^50.
    static func largest(valueBits: Int) -> UInt32 { valueBits == 8 ? 623 : 687 }

    /// 0 (a chunk without entries) to the largest.
    let value: UInt32

    /// In units of 2^-40: at most 31 * 2^41.
    var unit: Int64 {
        value < 32 ? Int64(value) : Int64(16 | value & 15) << (Int64(value >> 4) - 1)
    }
}

/// A chunk's head word under gaps: how many of the entries that it may have are missing, and its scale. A chunk without
/// entries is 0, and 0 is nothing else. Under bitmaps the head word is the scale alone.
struct ChunkHead: Equatable {
    let entries: Int
    let scale: ScaleCode

    /// - Parameter limit: the most entries that the chunk may have.
    func word(limit: Int) -> UInt32 {
        entries == 0 ? 0 : UInt32(limit - entries) << UInt32(ScaleCode.bits) | scale.value
    }

    init(entries: Int, scale: ScaleCode) {
        self.entries = entries
        self.scale = scale
    }

    /// Reads a word of any value.
    init(word: UInt32, limit: Int, valueBits: Int, chunk: Int) throws(CodecError) {
        let missing = Int(word >> UInt32(ScaleCode.bits))
        scale = ScaleCode(value: word & (1 << UInt32(ScaleCode.bits) - 1))
        guard scale.value <= ScaleCode.largest(valueBits: valueBits) else { throw .scaleOutOfRange(chunk: chunk) }
        guard missing <= limit else { throw .entryCountOutOfRange(chunk: chunk) }
        guard word == 0 || (scale.value > 0 && missing < limit) else { throw .emptyChunkNotCanonical(chunk: chunk) }
        entries = word == 0 ? 0 : limit - missing
    }
}
