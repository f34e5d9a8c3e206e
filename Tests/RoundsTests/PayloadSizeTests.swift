import Ledger
import Rounds
import Tensor
import Testing

/// The bound of the ledger, which knows no codec, against what the codec accepts.
@Suite struct PayloadSizeTests {
    static let layouts: [[(name: String, shape: [Int])]] = [
        [("scalar", [])],
        [("a", [4096])],
        [("a", [4097])],
        [
            ("embedding", [260, 48]), ("norm", [48]), ("scalar", []), ("gate", [4097]), ("exact", [2, 4096]),
            ("x", [3]),
        ],
        // Segments end inside of tensors and between them; the last segment is full.
        [("a", [255, 4096]), ("b", [7]), ("c", [513, 4096]), ("d", [255, 4096])],
        [("a", [1000, 700]), ("b", [37]), ("c", [500, 901]), ("d", [5, 5])],
        (0..<600).map { ("tensor-\($0)", [$0 + 1]) },
    ]
    static let encodings: [Encoding] = [
        .topK(kept: 64, bits: 2), .topK(kept: 1, bits: 4), .topK(kept: 255, bits: 4), .topK(kept: 3000, bits: 2),
        .topK(kept: 4096, bits: 2), .topK(kept: 511, bits: 1), .topK(kept: 512, bits: 1), .topK(kept: 1024, bits: 8),
        .denseFloat32, .denseBFloat16,
    ]

    @Test(arguments: layouts.indices, encodings)
    func theLargestPayloadThatDecodesHasExactlyTheBytesOfTheBound(index: Int, encoding: Encoding) throws {
        let layout = try ParameterLayout(Self.layouts[index])
        let bound = encoding.payloadBytesMaximum(of: TensorShape.list(of: layout))
        let largest = LargestPayload(layout: layout, encoding: encoding).bytes
        #expect(UInt64(largest.count) == bound)
        let contribution = try Contribution(
            payload: MemoryPayload(largest), layout: layout, profile: CodecProfile(encoding))
        _ = try contribution.measure()
        #expect(throws: CodecError.self) {
            _ = try Contribution(
                payload: MemoryPayload(largest + [0]), layout: layout, profile: CodecProfile(encoding)
            ).measure()
        }
    }

    /// Large values everywhere and the largest ones at the end of each chunk: all chunks full, all gaps long.
    @Test(arguments: layouts.indices, encodings)
    func theEncoderStaysWithinTheBound(index: Int, encoding: Encoding) throws {
        let layout = try ParameterLayout(Self.layouts[index])
        var delta = [Float](repeating: 0, count: layout.parameterCount)
        for chunk in 0..<layout.chunkCount {
            for (place, parameter) in layout.chunk(at: chunk).range.enumerated() {
                delta[parameter] =
                    Float(place + 1) * (place.isMultiple(of: 2) ? 1 : -1)
                    / Float(ParameterLayout.chunkParameters)
            }
        }
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let (payload, _) = try ContributionEncoder.encode(
            layout: layout, profile: CodecProfile(encoding), errorFeedback: .standard, delta: delta,
            residual: &residual)
        #expect(UInt64(payload.count) <= encoding.payloadBytesMaximum(of: TensorShape.list(of: layout)))
    }

    @Test func whatNoVectorHoldsHasNoPayload() {
        let wide = TensorShape(name: "a", shape: [Limits.dimensionMaximum, 2])
        let half = TensorShape(name: "b", shape: [Limits.parameters / 2 + 1])
        #expect(Encoding.denseFloat32.payloadBytesMaximum(of: [wide]) == 0)
        #expect(Encoding.denseFloat32.payloadBytesMaximum(of: [half, half]) == 0)
        #expect(Encoding.denseFloat32.payloadBytesMaximum(of: [half]) > 4 * (Limits.parameters / 2))
    }
}

/// A payload as Docs/codec.md describes it, with as many bytes as it can have: every chunk has all its entries, at its
/// end, and the first gap spans the rest.
private struct LargestPayload {
    let layout: ParameterLayout
    let encoding: Encoding

    var bytes: [UInt8] {
        var segments: [[UInt8]] = []
        for segment in 0..<layout.segmentCount { segments.append(self.segment(segment)) }
        let (kind, bits, kept): (UInt8, UInt8, UInt16) =
            switch encoding {
            case .topK(let kept, let bits): (kept < 512 ? 1 : 3, UInt8(bits), UInt16(kept))
            case .denseFloat32: (2, 0, 0)
            case .denseBFloat16: (4, 0, 0)
            }
        var bytes = Array("MPG2".utf8) + [kind, bits]
        bytes += little(kept) + little(UInt64(layout.parameterCount)) + little(UInt32(segments.count))
        for segment in segments { bytes += little(UInt32(segment.count)) }
        for segment in segments { bytes += segment }
        return bytes
    }

    private func segment(_ index: Int) -> [UInt8] {
        guard case .topK(let kept, let bits) = encoding else {
            let width = encoding == .denseBFloat16 ? 2 : 4
            return [UInt8](repeating: 0, count: width * layout.parameters(ofSegment: index).count)
        }
        let chunks = layout.chunks(ofSegment: index)
        var positions: [UInt8] = []
        var entries = 0
        for chunk in chunks {
            let count = layout.chunk(at: chunk).count
            let limit = max(1, Int(kept) * count / ParameterLayout.chunkParameters)
            let gap = count - limit
            if kept < 512 {
                positions += [UInt8](repeating: 255, count: gap / 255) + [UInt8(gap % 255)]
                positions += [UInt8](repeating: 0, count: limit - 1)
            } else {
                var bitmap = [UInt8](repeating: 0, count: (count + 7) / 8)
                for place in gap..<count { bitmap[place / 8] |= 1 << UInt8(place % 8) }
                positions += bitmap
            }
            entries += limit
        }
        // Every head word is 1: no entry is missing, and the scale is 1.
        let headBytes = kept <= 64 || kept >= 512 ? 2 : 3
        var bytes =
            [UInt8](repeating: 1, count: chunks.count)
            + [UInt8](repeating: 0, count: (headBytes - 1) * chunks.count)
        bytes += positions
        bytes += [UInt8](repeating: 0, count: (entries * Int(bits) + 7) / 8)
        return bytes
    }

    private func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
