import CKernels

/// Decodes one segment at a time to integers, and refuses whatever is out of range. Keeps scratch memory from one to
/// the next; one per worker and contribution.
///
/// A top-k chunk becomes ascending indices, odd levels and one unit: the value at `indices[i]` is
/// `levels[i] * unit * 2^-40`, exactly. A dense chunk becomes Int64 values in units of 2^-40 (`FixedPoint`).
public final class SegmentDecoder {
    /// A chunk's decoded values. Pointers stay valid until the decoder's next call.
    public enum Chunk {
        /// Levels are odd, within ±(2^bits - 1); `unit` is at most 31 * 2^41, and each product below 2^50.
        case sparse(indices: UnsafeBufferPointer<UInt16>, levels: UnsafeBufferPointer<Int16>, unit: Int64)
        case dense(UnsafeBufferPointer<Int64>)
    }

    public let contribution: Contribution
    private var loaded: Int?

    private var stored: Storage<UInt8>

    private let entryStart = Storage<Int>(count: ParameterLayout.segmentChunks + 1, filledWith: 0)
    private let units = Storage<Int64>(count: ParameterLayout.segmentChunks, filledWith: 0)
    private var indices: Storage<UInt16>
    private var levels: Storage<Int16>
    private let floats: Storage<Float>
    private let fixed: Storage<Int64>

    public init(_ contribution: Contribution) {
        self.contribution = contribution
        switch contribution.profile {
        case .topK(let kept, _):
            let entries = min(kept * ParameterLayout.segmentChunks, contribution.layout.parameterCount)
            indices = Storage(count: entries, filledWith: 0)
            levels = Storage(count: entries + 7, filledWith: 0)
            floats = Storage(count: 1, filledWith: 0)
            fixed = Storage(count: 1, filledWith: 0)
        case .denseFloat32, .denseBFloat16:
            indices = Storage(count: 1, filledWith: 0)
            levels = Storage(count: 1, filledWith: 0)
            floats = Storage(count: ParameterLayout.chunkParameters, filledWith: 0)
            fixed = Storage(count: ParameterLayout.chunkParameters, filledWith: 0)
        }
        stored = Storage(count: 4096, filledWith: 0)
    }

    /// The values of one chunk of the layout's sequence. Decodes its segment first, unless that was the last one.
    public func chunk(_ index: Int) throws(CodecError) -> Chunk {
        let segment = index / ParameterLayout.segmentChunks
        if contribution.profile.isDense { return try denseChunk(index, segment: segment) }
        if loaded != segment {
            loaded = nil
            try loadTopK(segment)
            loaded = segment
        }
        let position = index - segment * ParameterLayout.segmentChunks
        let range = entryStart[position]..<entryStart[position + 1]
        return .sparse(
            indices: UnsafeBufferPointer(rebasing: indices.buffer[range]),
            levels: UnsafeBufferPointer(rebasing: levels.buffer[range]), unit: units[position])
    }

    private func denseChunk(_ index: Int, segment: Int) throws(CodecError) -> Chunk {
        let layout = contribution.layout
        let chunk = layout.chunk(at: index)
        let start = layout.parameters(ofSegment: segment).lowerBound
        let values = UnsafeMutableBufferPointer(rebasing: floats.buffer[..<chunk.count])
        let bytes = contribution.profile.denseBytes
        // Halves of floats are read behind the place where the floats will stand.
        let room = UnsafeMutableRawBufferPointer(values)
        let input = UnsafeMutableRawBufferPointer(rebasing: room[(4 - bytes) * chunk.count..<4 * chunk.count])
        try contribution.payload.read(
            at: contribution.range(ofSegment: segment).lowerBound + bytes * (chunk.offset - start), into: input)
        if bytes == 2 {
            for place in 0..<chunk.count {
                let upper = UInt16(littleEndian: input.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self))
                values[place] = Float(bitPattern: UInt32(upper) << 16)
            }
        } else {
            FloatBytes.swapOnBigEndian(values)
        }
        let largest = mesh_fixed_from_float(fixed.pointer, floats.pointer, chunk.count)
        guard largest < FixedPoint.floatLimit.bitPattern else {
            if let bad = values.firstIndex(where: { !$0.isFinite }) { throw .nonFinite(parameter: chunk.offset + bad) }
            let bad = values.firstIndex { $0.magnitude >= FixedPoint.floatLimit } ?? 0
            throw .tooLarge(parameter: chunk.offset + bad)
        }
        return .dense(UnsafeBufferPointer(rebasing: fixed.buffer[..<chunk.count]))
    }

    private func loadTopK(_ segment: Int) throws(CodecError) {
        guard case .topK(let kept, let bits) = contribution.profile else { preconditionFailure("a top-k profile") }
        let chunks = contribution.layout.chunks(ofSegment: segment)
        let format = SegmentFormat(chunks: chunks, kept: kept, bits: bits)
        let bytes = try bytes(of: segment)
        let behindHeads = UnsafeBufferPointer(rebasing: bytes[format.headBytes...])
        let codes: UnsafeBufferPointer<UInt8>
        switch format.positions {
        case .gaps:
            try loadHeads(bytes, format)
            let codeBytes = format.codeBytes(entries: entryStart[chunks.count])
            let gapBytes = behindHeads.count - codeBytes
            guard gapBytes >= entryStart[chunks.count] else {
                throw .sizeMismatch(
                    segment: segment, expectedBytes: format.headBytes + codeBytes + entryStart[chunks.count],
                    foundBytes: bytes.count)
            }
            try loadGaps(UnsafeBufferPointer(rebasing: behindHeads[..<gapBytes]), chunks: chunks, segment: segment)
            codes = UnsafeBufferPointer(rebasing: behindHeads[gapBytes...])
        case .bitmap:
            let bitmapBytes = try loadScales(bytes, format)
            guard bitmapBytes <= behindHeads.count else {
                throw .sizeMismatch(
                    segment: segment, expectedBytes: format.headBytes + bitmapBytes, foundBytes: bytes.count)
            }
            try loadBitmaps(UnsafeBufferPointer(rebasing: behindHeads[..<bitmapBytes]), chunks, segment: segment)
            codes = UnsafeBufferPointer(rebasing: behindHeads[bitmapBytes...])
            let codeBytes = format.codeBytes(entries: entryStart[chunks.count])
            guard codes.count == codeBytes else {
                throw .sizeMismatch(
                    segment: segment, expectedBytes: format.headBytes + bitmapBytes + codeBytes,
                    foundBytes: bytes.count)
            }
        }
        try loadLevels(codes, count: entryStart[chunks.count], bits: bits, segment: segment)
    }

    /// The segment's bytes, at least as many as its heads take: the directory was compared with the layout.
    private func bytes(of segment: Int) throws(CodecError) -> UnsafeBufferPointer<UInt8> {
        let range = contribution.range(ofSegment: segment)
        if stored.buffer.count < range.count { stored = Storage(count: range.count, filledWith: 0) }
        let input = UnsafeMutableBufferPointer(rebasing: stored.buffer[..<range.count])
        try contribution.payload.read(at: range.lowerBound, into: UnsafeMutableRawBufferPointer(input))
        return UnsafeBufferPointer(input)
    }

    private func loadHeads(_ bytes: UnsafeBufferPointer<UInt8>, _ format: SegmentFormat) throws(CodecError) {
        var total = 0
        entryStart[0] = 0
        for (position, index) in format.chunks.enumerated() {
            var word: UInt32 = 0
            for plane in 0..<format.headPlanes {
                word |= UInt32(bytes[plane * format.chunks.count + position]) << UInt32(8 * plane)
            }
            let limit = contribution.profile.entryLimit(chunkCount: contribution.layout.chunk(at: index).count)
            let head = try ChunkHead(word: word, limit: limit, valueBits: format.bits, chunk: index)
            units[position] = head.scale.unit
            total += head.entries
            entryStart[position + 1] = total
        }
    }

    private func loadGaps(
        _ gaps: UnsafeBufferPointer<UInt8>, chunks: Range<Int>, segment: Int
    ) throws(CodecError) {
        var read = 0
        for (position, index) in chunks.enumerated() {
            let count = contribution.layout.chunk(at: index).count
            var next = 0
            for entry in entryStart[position]..<entryStart[position + 1] {
                while true {
                    guard read < gaps.count else { throw .gapBytesMismatch(segment: segment) }
                    let gap = gaps[read]
                    read += 1
                    next += Int(gap)
                    guard next < count else { throw .indexOutOfOrder(chunk: index) }
                    if gap < 255 { break }
                }
                indices[entry] = UInt16(next)
                next += 1
            }
        }
        guard read == gaps.count else { throw .gapBytesMismatch(segment: segment) }
    }

    /// Reads the head words of a segment with bitmaps.
    ///
    /// - Returns: how many bytes its bitmaps take.
    private func loadScales(_ bytes: UnsafeBufferPointer<UInt8>, _ format: SegmentFormat) throws(CodecError) -> Int {
        var bitmapBytes = 0
        for (position, index) in format.chunks.enumerated() {
            let scale = ScaleCode(value: UInt32(bytes[position]) | UInt32(bytes[format.chunks.count + position]) << 8)
            guard scale.value <= ScaleCode.largest(valueBits: format.bits) else { throw .scaleOutOfRange(chunk: index) }
            units[position] = scale.unit
            guard scale.value > 0 else { continue }
            bitmapBytes += SegmentFormat.bitmapBytes(chunkCount: contribution.layout.chunk(at: index).count)
        }
        return bitmapBytes
    }

    private func loadBitmaps(
        _ bitmaps: UnsafeBufferPointer<UInt8>, _ chunks: Range<Int>, segment: Int
    ) throws(CodecError) {
        var read = 0
        var total = 0
        entryStart[0] = 0
        for (position, index) in chunks.enumerated() {
            if units[position] > 0 {
                let count = contribution.layout.chunk(at: index).count
                let bytes = SegmentFormat.bitmapBytes(chunkCount: count)
                let bitmap = UnsafeBufferPointer(rebasing: bitmaps[read..<read + bytes])
                read += bytes
                guard count % 8 == 0 || bitmap[bytes - 1] >> UInt8(count % 8) == 0 else {
                    throw .unusedBitsNotZero(segment: segment)
                }
                let entries = Self.entryCount(bitmap)
                guard entries > 0 else { throw .emptyChunkNotCanonical(chunk: index) }
                guard entries <= contribution.profile.entryLimit(chunkCount: count) else {
                    throw .entryCountOutOfRange(chunk: index)
                }
                Self.list(bitmap, into: indices.pointer + total)
                total += entries
            }
            entryStart[position + 1] = total
        }
    }

    /// Calls `body` with each eight bytes as a word, the last one filled with zeros, and the number of its first bit.
    @inline(__always)
    private static func forEachWord(_ bitmap: UnsafeBufferPointer<UInt8>, _ body: (UInt64, Int) -> Void) {
        let raw = UnsafeRawBufferPointer(bitmap)
        let whole = raw.count & ~7
        for start in stride(from: 0, to: whole, by: 8) {
            body(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: start, as: UInt64.self)), 8 * start)
        }
        var last: UInt64 = 0
        for place in whole..<raw.count { last |= UInt64(raw[place]) << UInt64(8 * (place - whole)) }
        body(last, 8 * whole)
    }

    private static func entryCount(_ bitmap: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        forEachWord(bitmap) { word, _ in count += word.nonzeroBitCount }
        return count
    }

    /// Writes the numbers of the bits that are set, ascending.
    private static func list(_ bitmap: UnsafeBufferPointer<UInt8>, into indices: UnsafeMutablePointer<UInt16>) {
        var next = indices
        forEachWord(bitmap) { word, first in
            var left = word
            while left != 0 {
                next.pointee = UInt16(truncatingIfNeeded: first + left.trailingZeroBitCount)
                next += 1
                left &= left &- 1
            }
        }
    }

    private func loadLevels(
        _ codes: UnsafeBufferPointer<UInt8>, count: Int, bits: Int, segment: Int
    ) throws(CodecError) {
        let top = Int16(1 << bits) - 1
        let perByte = 8 / bits
        var next = levels.pointer
        for byte in codes {
            // The levels of the last byte may reach beyond `count`, into the room that `levels` has for them.
            for position in 0..<perByte {
                let code = Int16(truncatingIfNeeded: byte &>> UInt8(truncatingIfNeeded: bits &* position)) & top
                next[position] = 2 &* code &- top
            }
            next += perByte
        }
        let used = count % perByte
        if used > 0, let last = codes.last, last >> UInt8(used * bits) != 0 {
            throw .unusedBitsNotZero(segment: segment)
        }
    }
}
