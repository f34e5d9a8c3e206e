import CKernels

/// Sizes of a top-k segment's streams. For c chunks with e entries in all, in this order (Docs/codec.md):
///
/// 1. heads, `headPlanes` bytes per chunk: the low bytes of all head words, then their second bytes, and so on;
/// 2. gaps: for each entry the parameters skipped since the entry before it, as bytes: 255 means 255 and more follows;
/// 3. codes: bits each, the first in the lowest bits, the last byte filled with zeros.
///
/// Bytes of one kind stand together so that a link's compression gives each kind its own table.
struct SegmentFormat {
    let chunks: Range<Int>
    let kept: Int
    let bits: Int

    /// Bytes of a head word. With at most 64 entries per chunk the count fits the six bits beside the scale.
    var headPlanes: Int { kept <= 64 ? 2 : 3 }

    var headBytes: Int { headPlanes * chunks.count }

    func codeBytes(entries: Int) -> Int { (entries * bits + 7) / 8 }

    /// The most bytes that the gaps of one chunk can take.
    static func gapBytesLimit(entries: Int, chunkCount: Int) -> Int {
        entries + (chunkCount - min(entries, chunkCount)) / 255
    }

    /// The fewest and the most bytes that the segment can have. Both occur.
    static func byteCounts(layout: ParameterLayout, segment: Int, profile: CodecProfile) -> ClosedRange<Int> {
        let chunks = layout.chunks(ofSegment: segment)
        guard case .topK(let kept, let bits) = profile else {
            let count = 4 * layout.parameters(ofSegment: segment).count
            return count...count
        }
        var gaps = 0
        var entries = 0
        for index in chunks {
            let count = layout.chunk(at: index).count
            let limit = profile.entryLimit(chunkCount: count)
            gaps += gapBytesLimit(entries: limit, chunkCount: count)
            entries += limit
        }
        let format = SegmentFormat(chunks: chunks, kept: kept, bits: bits)
        return format.headBytes...format.headBytes + gaps + format.codeBytes(entries: entries)
    }
}

/// The scale of a chunk: ten bits of a floating-point number with four fraction bits and no sign. Codes below 32 are
/// the number itself; above, the upper six bits are an exponent. No number has two codes, and larger codes are larger
/// numbers.
struct ScaleCode: Equatable {
    static let bits = 10
    static let largest = UInt32(MESH_SCALE_CODE_MAX)

    /// 0 (a chunk without entries) to `largest`.
    let value: UInt32

    /// In units of 2^-40: at most 31 * 2^41.
    var unit: Int64 {
        value < 32 ? Int64(value) : Int64(16 | value & 15) << (Int64(value >> 4) - 1)
    }
}

/// A chunk's head word: how many of the entries that it may have are missing, and its scale. A chunk without entries
/// is 0, and 0 is nothing else.
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
    init(word: UInt32, limit: Int, chunk: Int) throws(CodecError) {
        let missing = Int(word >> UInt32(ScaleCode.bits))
        scale = ScaleCode(value: word & (1 << UInt32(ScaleCode.bits) - 1))
        guard scale.value <= ScaleCode.largest else { throw .scaleOutOfRange(chunk: chunk) }
        guard missing <= limit else { throw .entryCountOutOfRange(chunk: chunk) }
        guard word == 0 || (scale.value > 0 && missing < limit) else { throw .emptyChunkNotCanonical(chunk: chunk) }
        entries = word == 0 ? 0 : limit - missing
    }
}
