/// Sizes of a top-k segment's five streams. For c chunks with e entries in all, in this order:
///
/// 1. control, 3c bytes: low bytes, then high bytes, of each chunk's missing entries (limit - entries), then the
///    exponents;
/// 2. mantissas, c bytes;
/// 3. gaps: for each entry the parameters skipped since the one before it, as bytes: 255 means 255 and more follows;
/// 4. codes: bits each, the first in the lowest bits, the last byte filled with zeros.
///
/// Exponents and gaps compress; the others hardly do: each stream but the second's start begins a zstd block of its own.
struct SegmentFormat {
    let chunks: Range<Int>
    let bits: Int

    var controlBytes: Int { 3 * chunks.count }
    var headBytes: Int { 4 * chunks.count }

    func codeBytes(entries: Int) -> Int { (entries * bits + 7) / 8 }

    /// The most bytes that the gaps of one chunk can take.
    static func gapBytesLimit(entries: Int, chunkCount: Int) -> Int {
        entries + (chunkCount - min(entries, chunkCount)) / 255
    }

    /// The most bytes that the segment can expand to.
    static func byteLimit(layout: ParameterLayout, segment: Int, profile: CodecProfile) -> Int {
        let chunks = layout.chunks(ofSegment: segment)
        guard case .topK(_, let bits) = profile else { return 4 * layout.parameters(ofSegment: segment).count }
        var gaps = 0
        var entries = 0
        for index in chunks {
            let count = layout.chunk(at: index).count
            let limit = profile.entryLimit(chunkCount: count)
            gaps += gapBytesLimit(entries: limit, chunkCount: count)
            entries += limit
        }
        let format = SegmentFormat(chunks: chunks, bits: bits)
        return format.headBytes + gaps + format.codeBytes(entries: entries)
    }

    static let exponentLimit: UInt8 = 38

    /// Whether the scale stands in its one normal form: the highest mantissa bit set, unless the exponent is zero.
    static func isNormalScale(mantissa: UInt8, exponent: UInt8) -> Bool {
        exponent <= exponentLimit && mantissa > 0 && (mantissa >= 128 || exponent == 0)
    }
}
