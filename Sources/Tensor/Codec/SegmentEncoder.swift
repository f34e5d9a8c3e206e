import CKernels

/// Encodes one segment at a time (Docs/codec.md). Keeps scratch memory from one to the next; one per worker.
public final class SegmentEncoder {
    public let layout: ParameterLayout
    public let profile: CodecProfile
    public let errorFeedback: ErrorFeedback
    public let transform: ChunkTransform

    private let indices = Storage<UInt16>(count: ParameterLayout.chunkParameters, filledWith: 0)
    /// A chunk of the pseudo-gradient after its transform.
    private let transformed = Storage<Float>(count: ParameterLayout.chunkParameters, filledWith: 0)
    /// The codes of all entries of a segment, a byte each, and room to fill the last byte.
    private let codes: Storage<UInt8>

    /// What a segment became.
    public struct Output: Sendable {
        /// What goes to the payload.
        public let bytes: [UInt8]
        /// Sum of the squares of the decoded values, in units of 2^-80.
        public let squareSum: UInt128
    }

    /// - Parameter transform: of the pseudo-gradient, before the residual is added, which is in the same domain. Dense payloads
    ///   have none.
    public init(
        layout: ParameterLayout, profile: CodecProfile, errorFeedback: ErrorFeedback,
        transform: ChunkTransform = .identity
    ) {
        precondition(profile.isValid && (transform == .identity || !profile.isDense))
        self.transform = transform
        self.layout = layout
        self.profile = profile
        self.errorFeedback = errorFeedback
        let room = ParameterLayout.segmentChunks * profile.entryLimit(chunkCount: ParameterLayout.chunkParameters)
        codes = Storage(count: profile.isDense ? 1 : min(room, layout.parameterCount) + 7, filledWith: 0)
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
        switch profile {
        case .topK(let kept, let bits):
            return try encodeTopK(
                segment: segment, kept: kept, bits: bits, start: range.lowerBound, change: change, values: values)
        case .denseFloat32:
            let largest = try addDecayed(change, to: residual, start: range.lowerBound)
            return try encodeFloat32(start: range.lowerBound, residual: residual, largest: largest)
        case .denseBFloat16:
            let largest = try addDecayed(change, to: residual, start: range.lowerBound)
            return try encodeBFloat16(start: range.lowerBound, residual: residual, largest: largest)
        }
    }

    /// `values[i] = change[i] + decay * values[i]`.
    ///
    /// - Returns: the bits of the largest magnitude.
    private func addDecayed(
        _ change: UnsafePointer<Float>, to values: UnsafeMutableBufferPointer<Float>, start: Int
    ) throws(CodecError) -> UInt32 {
        let largest = mesh_add_decayed(values.baseAddress, change, errorFeedback.decay, values.count)
        guard largest < Float.infinity.bitPattern else {
            let first = values.firstIndex { !$0.isFinite } ?? 0
            throw .nonFinite(parameter: start + first)
        }
        return largest
    }

    private func encodeTopK(
        segment: Int, kept: Int, bits: Int, start: Int, change: UnsafePointer<Float>,
        values: UnsafeMutablePointer<Float>
    ) throws(CodecError) -> Output {
        let chunks = layout.chunks(ofSegment: segment)
        let format = SegmentFormat(chunks: chunks, kept: kept, bits: bits)
        let room = SegmentFormat.byteCounts(layout: layout, segment: segment, profile: profile).upperBound
        var bytes = [UInt8](repeating: 0, count: room)
        var used = format.headBytes
        var entryCount = 0
        var squareSum: UInt128 = 0

        for (position, index) in chunks.enumerated() {
            let chunk = layout.chunk(at: index)
            let limit = profile.entryLimit(chunkCount: chunk.count)
            let chunkValues = values + (chunk.offset - start)
            // Chunk by chunk, so that the values are still in the cache when the largest are looked for.
            var chunkChange = change + (chunk.offset - start)
            if transform != .identity {
                transformed.pointer.update(from: chunkChange, count: chunk.count)
                transform.apply(to: transformed.pointer, count: chunk.count)
                chunkChange = UnsafePointer(transformed.pointer)
            }
            _ = try addDecayed(
                chunkChange,
                to: UnsafeMutableBufferPointer(start: chunkValues, count: chunk.count), start: chunk.offset)
            let chunkCodes = codes.pointer + entryCount
            var entries = mesh_top_k(chunkValues, chunk.count, limit, indices.pointer)
            let code = mesh_quantise(chunkValues, indices.pointer, entries, UInt32(bits), chunkCodes)
            guard code != UInt32.max else { throw .tooLarge(parameter: chunk.offset) }
            if code == 0 { entries = 0 }
            let scale = ScaleCode(value: code)
            let word: UInt32
            switch format.positions {
            case .gaps:
                word = ChunkHead(entries: entries, scale: scale).word(limit: limit)
                used = writeGaps(entries, to: &bytes, at: used)
            case .bitmap:
                word = code
                used = writeBitmap(entries, chunkCount: chunk.count, to: &bytes, at: used)
            }
            for plane in 0..<format.headPlanes {
                bytes[plane * chunks.count + position] = UInt8(truncatingIfNeeded: word >> UInt32(8 * plane))
            }
            let unit = UInt128(scale.unit)
            squareSum += unit * unit * UInt128(Self.levelSquares(chunkCodes, count: entries, bits: bits))
            entryCount += entries
        }
        used = packCodes(entryCount, bits: bits, to: &bytes, at: used)
        bytes.removeLast(room - used)
        return Output(bytes: bytes, squareSum: squareSum)
    }

    /// - Returns: where the bytes end.
    private func writeGaps(_ entries: Int, to bytes: inout [UInt8], at start: Int) -> Int {
        bytes.withUnsafeMutableBufferPointer { bytes in
            var place = start
            var next = 0
            for entry in 0..<entries {
                var gap = Int(indices[entry]) - next
                next = Int(indices[entry]) + 1
                while gap >= 255 {
                    bytes[place] = 255
                    place += 1
                    gap -= 255
                }
                bytes[place] = UInt8(gap)
                place += 1
            }
            return place
        }
    }

    /// - Returns: where the bytes end.
    private func writeBitmap(_ entries: Int, chunkCount: Int, to bytes: inout [UInt8], at start: Int) -> Int {
        guard entries > 0 else { return start }
        bytes.withUnsafeMutableBufferPointer { bytes in
            for entry in 0..<entries {
                let index = Int(indices[entry])
                bytes[start + index / 8] |= 1 << UInt8(index & 7)
            }
        }
        return start + SegmentFormat.bitmapBytes(chunkCount: chunkCount)
    }

    /// - Returns: where the bytes end.
    private func packCodes(_ count: Int, bits: Int, to bytes: inout [UInt8], at start: Int) -> Int {
        let perByte = 8 / bits
        let packed = (count + perByte - 1) / perByte
        // The last byte is filled with zeros.
        for entry in count..<packed * perByte { codes[entry] = 0 }
        bytes.withUnsafeMutableBufferPointer { bytes in
            var next = UnsafePointer(codes.pointer)
            for place in start..<start + packed {
                var byte: UInt8 = 0
                for position in 0..<perByte { byte |= next[position] &<< UInt8(truncatingIfNeeded: bits &* position) }
                bytes[place] = byte
                next += perByte
            }
        }
        return start + packed
    }

    private static func levelSquares(_ codes: UnsafePointer<UInt8>, count: Int, bits: Int) -> Int {
        let top = Int32(1 << bits) - 1
        // At most 4096 * 255 * 255.
        var squares: Int32 = 0
        for entry in 0..<count {
            let level = 2 &* Int32(codes[entry]) &- top
            squares &+= level &* level
        }
        return Int(squares)
    }

    private func encodeFloat32(
        start: Int, residual: UnsafeMutableBufferPointer<Float>, largest: UInt32
    ) throws(CodecError) -> Output {
        try Self.require(largest, below: FixedPoint.floatLimit, residual, start: start)
        FloatBytes.swapOnBigEndian(residual)
        let bytes = Array(UnsafeRawBufferPointer(residual))
        FloatBytes.swapOnBigEndian(residual)
        let squareSum = Self.squareSum(of: UnsafeBufferPointer(residual))
        residual.update(repeating: 0)
        return Output(bytes: bytes, squareSum: squareSum)
    }

    private func encodeBFloat16(
        start: Int, residual: UnsafeMutableBufferPointer<Float>, largest: UInt32
    ) throws(CodecError) -> Output {
        try Self.require(largest, below: FixedPoint.bfloat16Limit, residual, start: start)
        let upper = Storage<UInt16>(count: residual.count, filledWith: 0)
        mesh_split_bfloat16(upper.pointer, residual.baseAddress, residual.count)
        let sent = Storage<Float>(count: residual.count, filledWith: 0)
        for place in upper.buffer.indices { sent[place] = Float(bitPattern: UInt32(upper[place]) << 16) }
        for place in upper.buffer.indices { upper[place] = upper[place].littleEndian }
        return Output(
            bytes: Array(UnsafeRawBufferPointer(upper.buffer)),
            squareSum: Self.squareSum(of: UnsafeBufferPointer(sent.buffer)))
    }

    private static func require(
        _ largest: UInt32, below limit: Float, _ values: UnsafeMutableBufferPointer<Float>, start: Int
    ) throws(CodecError) {
        guard largest < limit.bitPattern else {
            let first = values.firstIndex { $0.magnitude >= limit } ?? 0
            throw .tooLarge(parameter: start + first)
        }
    }

    /// Of the decoded values, in units of 2^-80.
    private static func squareSum(of values: UnsafeBufferPointer<Float>) -> UInt128 {
        let fixed = Storage<Int64>(count: values.count, filledWith: 0)
        mesh_fixed_from_float(fixed.pointer, values.baseAddress, values.count)
        var sum: UInt128 = 0
        for value in fixed.buffer {
            let square = value.magnitude.multipliedFullWidth(by: value.magnitude)
            sum += UInt128(square.high) << 64 | UInt128(square.low)
        }
        return sum
    }
}
