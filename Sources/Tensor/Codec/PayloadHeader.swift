/// The first 20 bytes of a payload: what it is, before anything is allocated for it.
///
/// ```
///  0  4  "MPG2"
///  4  1  kind: 1 top-k with gaps, 2 dense float32, 3 top-k with bitmaps, 4 dense bfloat16
///  5  1  bits of a value (top-k: 1, 2, 4 or 8), else 0
///  6  2  kept of 4096 (top-k: below 512 with gaps, from 512 on with bitmaps), else 0
///  8  8  parameters in the flat vector
/// 16  4  segments
/// ```
/// then 4 bytes per segment: its size in bytes. Integers are little-endian. The segments follow in order, without a
/// gap, to the end of the payload.
struct PayloadHeader: Equatable {
    static let byteCount = 20
    static let directoryEntryBytes = 4

    var profile: CodecProfile
    var parameterCount: Int
    var segmentCount: Int

    var bytes: [UInt8] {
        var bytes = Array("MPG2".utf8)
        let (kind, bits, kept) =
            switch profile {
            case .topK(let kept, let bits): (Self.kind(kept: kept), UInt8(bits), UInt16(kept))
            case .denseFloat32: (UInt8(2), UInt8(0), UInt16(0))
            case .denseBFloat16: (UInt8(4), UInt8(0), UInt16(0))
            }
        bytes += [kind, bits]
        withUnsafeBytes(of: kept.littleEndian) { bytes += $0 }
        withUnsafeBytes(of: UInt64(parameterCount).littleEndian) { bytes += $0 }
        withUnsafeBytes(of: UInt32(segmentCount).littleEndian) { bytes += $0 }
        return bytes
    }

    /// Reads the 20 bytes and compares them with what the network's layout and rules ask for.
    static func check(
        _ bytes: [UInt8], layout: ParameterLayout, profile: CodecProfile
    ) throws(CodecError) {
        precondition(bytes.count == byteCount)
        let found: CodecProfile? =
            switch (bytes[4], bytes[5], littleEndian(bytes[6..<8])) {
            case (let kind, let bits, let kept) where kind == Self.kind(kept: Int(kept)):
                .topK(kept: Int(kept), bits: Int(bits))
            case (2, 0, 0): .denseFloat32
            case (4, 0, 0): .denseBFloat16
            default: nil
            }
        guard Array(bytes[0..<4]) == Array("MPG2".utf8), found == profile else {
            throw .profileMismatch(expected: profile, found: found)
        }
        let parameters = littleEndian(bytes[8..<16])
        guard parameters == UInt64(layout.parameterCount) else {
            throw .parameterCountMismatch(
                expected: layout.parameterCount, found: Int(exactly: parameters) ?? Int.max)
        }
        let segments = littleEndian(bytes[16..<20])
        guard segments == UInt64(layout.segmentCount) else {
            throw .sizeMismatch(segment: nil, expectedBytes: layout.segmentCount, foundBytes: Int(segments))
        }
    }

    private static func kind(kept: Int) -> UInt8 {
        switch SegmentFormat.Positions(kept: kept) {
        case .gaps: 1
        case .bitmap: 3
        }
    }

    static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return value
    }
}
