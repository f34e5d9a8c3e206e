import CKernels

/// Decodes one segment at a time to integers, and refuses whatever is out of range. Keeps scratch memory from one to
/// the next; one per worker and contribution.
///
/// A top-k chunk becomes ascending indices, odd levels and one unit: the value at `indices[i]` is
/// `levels[i] * unit * 2^-40`, exactly. A dense chunk becomes Int64 values in units of 2^-40 (`FixedPoint`).
public final class SegmentDecoder {
    /// A chunk's decoded values. Pointers stay valid until the decoder's next call.
    public enum Chunk {
        /// Levels are odd, within ±3 or ±15; `unit` is at most 31 * 2^41.
        case sparse(indices: UnsafeBufferPointer<UInt16>, levels: UnsafeBufferPointer<Int8>, unit: Int64)
        case dense(UnsafeBufferPointer<Int64>)
    }

    public let contribution: Contribution
    private var loaded: Int?

    private var stored: Storage<UInt8>

    private let entryStart = Storage<Int>(count: ParameterLayout.segmentChunks + 1, filledWith: 0)
    private let units = Storage<Int64>(count: ParameterLayout.segmentChunks, filledWith: 0)
    private var indices: Storage<UInt16>
    private var levels: Storage<Int8>
    private let floats: Storage<Float>
    private let fixed: Storage<Int64>

    public init(_ contribution: Contribution) {
        self.contribution = contribution
        switch contribution.profile {
        case .topK(let kept, _):
            let entries = min(kept * ParameterLayout.segmentChunks, contribution.layout.parameterCount)
            indices = Storage(count: entries, filledWith: 0)
            levels = Storage(count: entries, filledWith: 0)
            floats = Storage(count: 1, filledWith: 0)
            fixed = Storage(count: 1, filledWith: 0)
        case .denseFloat32:
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
        if case .denseFloat32 = contribution.profile { return try denseChunk(index, segment: segment) }
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
        try contribution.payload.read(
            at: contribution.range(ofSegment: segment).lowerBound + 4 * (chunk.offset - start),
            into: UnsafeMutableRawBufferPointer(values))
        FloatBytes.swapOnBigEndian(values)
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
        try loadHeads(bytes, format)
        let entries = entryStart[chunks.count]
        let codeBytes = format.codeBytes(entries: entries)
        let gapBytes = bytes.count - format.headBytes - codeBytes
        guard gapBytes >= entries else {
            throw .sizeMismatch(
                segment: segment, expectedBytes: format.headBytes + codeBytes + entries, foundBytes: bytes.count)
        }
        let gaps = UnsafeBufferPointer(rebasing: bytes[format.headBytes..<format.headBytes + gapBytes])
        try loadIndices(gaps, chunks: chunks, segment: segment)
        let codes = UnsafeBufferPointer(rebasing: bytes[(bytes.count - codeBytes)...])
        try loadLevels(codes, count: entries, bits: bits, segment: segment)
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
            let head = try ChunkHead(word: word, limit: limit, chunk: index)
            units[position] = head.scale.unit
            total += head.entries
            entryStart[position + 1] = total
        }
    }

    private func loadIndices(
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

    private func loadLevels(
        _ codes: UnsafeBufferPointer<UInt8>, count: Int, bits: Int, segment: Int
    ) throws(CodecError) {
        let top = (1 << bits) - 1
        let perByte = 8 / bits
        for entry in 0..<count {
            let code = Int(codes[entry / perByte]) >> (bits * (entry % perByte)) & top
            levels[entry] = Int8(2 * code - top)
        }
        let used = count % perByte
        if used > 0, let last = codes.last, last >> UInt8(used * bits) != 0 {
            throw .unusedBitsNotZero(segment: segment)
        }
    }
}
