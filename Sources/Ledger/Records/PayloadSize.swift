/// The largest payload that can be valid, in bytes: a pure function of the model's tensors and the encoding.
///
/// A record that claims more is refused before anything of its payload is fetched. The format is that of
/// Docs/codec.md; Tests/RoundsTests/PayloadSizeTests.swift compares this bound with the largest payload that decodes.
extension Encoding {
    /// Parameters per chunk: the unit of top-k selection.
    static let chunkParameters: UInt64 = 4096
    /// Chunks per segment, across tensors.
    static let segmentChunks: UInt64 = 256
    /// Bytes before the directory.
    static let payloadHeaderBytes: UInt64 = 20
    /// Bytes per segment in the directory.
    static let directoryEntryBytes: UInt64 = 4
    /// From this many kept parameters on, positions are bitmaps.
    static let bitmapKept: UInt32 = 512
    /// Bytes of a chunk's head word: the scale, and without a bitmap the count of missing entries.
    static func headBytes(kept: UInt32) -> UInt64 { kept <= 64 || kept >= bitmapKept ? 2 : 3 }

    /// - Parameter tensors: those of the genesis, in its order.
    /// - Returns: 0 if no flat vector can hold these tensors: nothing is valid there.
    public func payloadBytesMaximum(of tensors: [TensorShape]) -> UInt64 {
        guard let parameters = TensorShape.parameterCount(of: tensors) else { return 0 }
        var size = SegmentedSize(encoding: self)
        for tensor in tensors {
            let count = tensor.parameterCount ?? 0
            size.add(chunks: count / Self.chunkParameters, ofParameters: Self.chunkParameters)
            let rest = count % Self.chunkParameters
            if rest > 0 { size.add(chunks: 1, ofParameters: rest) }
        }
        size.closeSegment()
        let segmentBytes =
            switch self {
            case .topK: size.segmentBytes
            case .denseFloat32: 4 * parameters
            case .denseBFloat16: 2 * parameters
            }
        return Self.payloadHeaderBytes + Self.directoryEntryBytes * size.segments + segmentBytes
    }
}

/// Adds up the segments of a payload in which every chunk has as many entries as it may have, at the positions whose
/// gaps take most bytes.
private struct SegmentedSize {
    let encoding: Encoding
    private(set) var segments: UInt64 = 0
    private(set) var segmentBytes: UInt64 = 0
    /// Of the segment that is not full yet.
    private var chunks: UInt64 = 0
    private var entries: UInt64 = 0

    init(encoding: Encoding) { self.encoding = encoding }

    /// Adds equal chunks. Whole segments of them are added at once.
    mutating func add(chunks count: UInt64, ofParameters parameters: UInt64) {
        guard case .topK(let kept, _) = encoding else {
            return addRun(count, entriesPerChunk: 0)
        }
        let limit = max(1, UInt64(kept) * parameters / Encoding.chunkParameters)
        let positionBytes =
            kept >= Encoding.bitmapKept ? (parameters + 7) / 8 : limit + (parameters - min(limit, parameters)) / 255
        segmentBytes += count * (Encoding.headBytes(kept: kept) + positionBytes)
        addRun(count, entriesPerChunk: limit)
    }

    private mutating func addRun(_ count: UInt64, entriesPerChunk: UInt64) {
        var left = count
        while left > 0 {
            if chunks == 0, left >= Encoding.segmentChunks {
                let whole = left / Encoding.segmentChunks
                segments += whole
                segmentBytes += whole * codeBytes(entries: Encoding.segmentChunks * entriesPerChunk)
                left -= whole * Encoding.segmentChunks
            } else {
                let taken = min(left, Encoding.segmentChunks - chunks)
                chunks += taken
                entries += taken * entriesPerChunk
                left -= taken
                if chunks == Encoding.segmentChunks { closeSegment() }
            }
        }
    }

    mutating func closeSegment() {
        guard chunks > 0 else { return }
        segments += 1
        segmentBytes += codeBytes(entries: entries)
        chunks = 0
        entries = 0
    }

    private func codeBytes(entries: UInt64) -> UInt64 {
        guard case .topK(_, let bits) = encoding else { return 0 }
        return (entries * UInt64(bits) + 7) / 8
    }
}

extension TensorShape {
    /// Elements: the product of the shape; nil beyond `Limits.parameters`.
    public var parameterCount: UInt64? {
        var count: UInt64 = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= Limits.parameters else { return nil }
            count = product
        }
        return count
    }

    /// Elements of all tensors; nil beyond `Limits.parameters`.
    public static func parameterCount(of tensors: [TensorShape]) -> UInt64? {
        var total: UInt64 = 0
        for tensor in tensors {
            guard let count = tensor.parameterCount, count <= Limits.parameters - total else { return nil }
            total += count
        }
        return total
    }
}

extension Rules {
    /// The largest payload that these rules allow for a model, in bytes: the lower of what the encoding can produce and
    /// of `contributionBytesMaximum`.
    public func payloadBytesMaximum(of tensors: [TensorShape]) -> UInt64 {
        min(contributionBytesMaximum, encoding.payloadBytesMaximum(of: tensors))
    }
}
