import CKernels

/// Encodes one segment at a time (Docs/codec.md). Keeps scratch memory from one to the next; one per worker.
public final class SegmentEncoder {
    public let layout: ParameterLayout
    public let profile: CodecProfile
    public let errorFeedback: ErrorFeedback

    private let indices = Storage<UInt16>(count: ParameterLayout.chunkParameters, filledWith: 0)
    private let codes = Storage<UInt8>(count: ParameterLayout.chunkParameters, filledWith: 0)
    private var gaps: [UInt8] = []
    private var packed: [UInt8] = []

    /// What a segment became.
    public struct Output: Sendable {
        /// What goes to the payload.
        public let bytes: [UInt8]
        /// Sum of the squares of the decoded values, in units of 2^-80.
        public let squareSum: UInt128
    }

    public init(layout: ParameterLayout, profile: CodecProfile, errorFeedback: ErrorFeedback) {
        precondition(profile.isValid)
        self.layout = layout
        self.profile = profile
        self.errorFeedback = errorFeedback
    }

    /// Encodes a segment of a pseudo-gradient.
    ///
    /// - Parameters:
    ///   - delta: the segment's parameters: trained minus base.
    ///   - residual: in: what earlier contributions left unsent; out: what this one leaves unsent. On an error its
    ///     contents are undefined.
    public func encode(
        segment: Int, delta: UnsafeBufferPointer<Float>, residual: UnsafeMutableBufferPointer<Float>
    ) throws(CodecError) -> Output {
        let range = layout.parameters(ofSegment: segment)
        precondition(delta.count == range.count && residual.count == range.count)
        guard let values = residual.baseAddress, let change = delta.baseAddress else {
            preconditionFailure("a segment has parameters")
        }
        let largest = mesh_add_decayed(values, change, errorFeedback.decay, range.count)
        guard largest < Float.infinity.bitPattern else {
            let first = residual.firstIndex { !$0.isFinite } ?? 0
            throw .nonFinite(parameter: range.lowerBound + first)
        }
        switch profile {
        case .topK(let kept, let bits):
            return try encodeTopK(segment: segment, kept: kept, bits: bits, start: range.lowerBound, values: values)
        case .denseFloat32:
            return try encodeDense(start: range.lowerBound, residual: residual, largest: largest)
        }
    }

    private func encodeTopK(
        segment: Int, kept: Int, bits: Int, start: Int, values: UnsafeMutablePointer<Float>
    ) throws(CodecError) -> Output {
        let chunks = layout.chunks(ofSegment: segment)
        let format = SegmentFormat(chunks: chunks, kept: kept, bits: bits)
        var heads = [UInt8](repeating: 0, count: format.headBytes)
        gaps.removeAll(keepingCapacity: true)
        packed.removeAll(keepingCapacity: true)
        var accumulator: UInt64 = 0
        var accumulated = 0
        var squareSum: UInt128 = 0
        let top = (1 << bits) - 1

        for (position, index) in chunks.enumerated() {
            let chunk = layout.chunk(at: index)
            let limit = profile.entryLimit(chunkCount: chunk.count)
            let chunkValues = values + (chunk.offset - start)
            var entries = mesh_top_k(chunkValues, chunk.count, limit, indices.pointer)
            let code = mesh_quantise(chunkValues, indices.pointer, entries, UInt32(bits), codes.pointer)
            guard code != UInt32.max else { throw .tooLarge(parameter: chunk.offset) }
            if code == 0 { entries = 0 }
            let scale = ScaleCode(value: code)
            let word = ChunkHead(entries: entries, scale: scale).word(limit: limit)
            for plane in 0..<format.headPlanes {
                heads[plane * chunks.count + position] = UInt8(truncatingIfNeeded: word >> UInt32(8 * plane))
            }

            var next = 0
            var squares = 0
            for entry in 0..<entries {
                var gap = Int(indices[entry]) - next
                next = Int(indices[entry]) + 1
                while gap >= 255 {
                    gaps.append(255)
                    gap -= 255
                }
                gaps.append(UInt8(gap))
                let code = Int(codes[entry])
                let level = 2 * code - top
                squares += level * level
                accumulator |= UInt64(code) << UInt64(accumulated)
                accumulated += bits
                if accumulated == 8 {
                    packed.append(UInt8(truncatingIfNeeded: accumulator))
                    accumulator = 0
                    accumulated = 0
                }
            }
            let unit = UInt128(scale.unit)
            squareSum += unit * unit * UInt128(squares)
        }
        if accumulated > 0 { packed.append(UInt8(truncatingIfNeeded: accumulator)) }
        return Output(bytes: heads + gaps + packed, squareSum: squareSum)
    }

    private func encodeDense(
        start: Int, residual: UnsafeMutableBufferPointer<Float>, largest: UInt32
    ) throws(CodecError) -> Output {
        guard largest < FixedPoint.floatLimit.bitPattern else {
            let first = residual.firstIndex { $0.magnitude >= FixedPoint.floatLimit } ?? 0
            throw .tooLarge(parameter: start + first)
        }
        FloatBytes.swapOnBigEndian(residual)
        let bytes = Array(UnsafeRawBufferPointer(residual))
        FloatBytes.swapOnBigEndian(residual)
        var squareSum: UInt128 = 0
        let fixed = Storage<Int64>(count: residual.count, filledWith: 0)
        mesh_fixed_from_float(fixed.pointer, residual.baseAddress, residual.count)
        for value in fixed.buffer {
            let square = value.magnitude.multipliedFullWidth(by: value.magnitude)
            squareSum += UInt128(square.high) << 64 | UInt128(square.low)
        }
        residual.update(repeating: 0)
        return Output(bytes: bytes, squareSum: squareSum)
    }
}
