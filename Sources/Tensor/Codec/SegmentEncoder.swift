import CKernels

/// Encodes one segment at a time (Docs/codec.md). Keeps scratch memory from one to the next; one per worker.
public final class SegmentEncoder {
    public let layout: ParameterLayout
    public let profile: CodecProfile
    public let errorFeedback: ErrorFeedback

    private let compressor = ZstdCompressor(level: 1)
    private let indices = Storage<UInt16>(count: ParameterLayout.chunkParameters, filledWith: 0)
    private let codes = Storage<UInt8>(count: ParameterLayout.chunkParameters, filledWith: 0)
    private var streams: [UInt8] = []
    private var compressed: Storage<UInt8>

    /// Below this size a frame costs more than it saves.
    private static let compressionBytesLeast = 64

    /// What a segment became.
    public struct Output: Sendable {
        /// What goes to the payload.
        public let bytes: [UInt8]
        public let isCompressed: Bool
        /// Sum of the squares of the decoded values, in units of 2^-80.
        public let squareSum: UInt128
    }

    public init(layout: ParameterLayout, profile: CodecProfile, errorFeedback: ErrorFeedback) {
        precondition(profile.isValid)
        self.layout = layout
        self.profile = profile
        self.errorFeedback = errorFeedback
        compressed = Storage(count: 4096, filledWith: 0)
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
        case .topK(_, let bits):
            return try encodeTopK(segment: segment, bits: bits, start: range.lowerBound, values: values)
        case .denseFloat32:
            return try encodeDense(start: range.lowerBound, residual: residual, largest: largest)
        }
    }

    private func encodeTopK(
        segment: Int, bits: Int, start: Int, values: UnsafeMutablePointer<Float>
    ) throws(CodecError) -> Output {
        let chunks = layout.chunks(ofSegment: segment)
        let format = SegmentFormat(chunks: chunks, bits: bits)
        var head = [UInt8](repeating: 0, count: format.headBytes)
        var gaps: [UInt8] = []
        var packed: [UInt8] = []
        var accumulator: UInt64 = 0
        var accumulated = 0
        var squareSum: UInt128 = 0
        let top = (1 << bits) - 1

        for (position, index) in chunks.enumerated() {
            let chunk = layout.chunk(at: index)
            let limit = profile.entryLimit(chunkCount: chunk.count)
            let chunkValues = values + (chunk.offset - start)
            var entries = mesh_top_k(chunkValues, chunk.count, limit, indices.pointer)
            let scale = mesh_quantise(chunkValues, indices.pointer, entries, UInt32(bits), codes.pointer)
            guard scale != UInt32.max else { throw .tooLarge(parameter: chunk.offset) }
            if scale == 0 { entries = 0 }
            let mantissa = UInt8(truncatingIfNeeded: scale)
            let exponent = UInt8(truncatingIfNeeded: scale >> 8)
            head[position] = UInt8(truncatingIfNeeded: limit - entries)
            head[chunks.count + position] = UInt8(truncatingIfNeeded: (limit - entries) >> 8)
            head[2 * chunks.count + position] = exponent
            head[3 * chunks.count + position] = mantissa

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
            let unit = UInt128(mantissa) << UInt128(exponent)
            squareSum += unit * unit * UInt128(squares)
        }
        if accumulated > 0 { packed.append(UInt8(truncatingIfNeeded: accumulator)) }

        streams.removeAll(keepingCapacity: true)
        streams += head
        streams += gaps
        streams += packed
        let ends = [
            format.controlBytes, format.headBytes, format.headBytes + gaps.count,
            format.headBytes + gaps.count + packed.count,
        ]
        return compress(ends: ends, squareSum: squareSum)
    }

    /// The smaller of the bytes as they are and their frame.
    private func compress(ends: [Int], squareSum: UInt128) -> Output {
        if streams.count >= Self.compressionBytesLeast {
            if compressed.buffer.count < streams.count {
                compressed = Storage(count: streams.count, filledWith: 0)
            }
            let room = UnsafeMutableBufferPointer(rebasing: compressed.buffer[..<(streams.count - 1)])
            let size = streams.withUnsafeBufferPointer { compressor.compress($0, partsEndingAt: ends, into: room) }
            if let size {
                return Output(bytes: Array(room[..<size]), isCompressed: true, squareSum: squareSum)
            }
        }
        return Output(bytes: streams, isCompressed: false, squareSum: squareSum)
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
        return Output(bytes: bytes, isCompressed: false, squareSum: squareSum)
    }
}
