/// Up to 4096 consecutive parameters of one tensor: the unit of top-k selection.
public struct ParameterChunk: Hashable, Sendable {
    public let index: Int
    /// Index of its tensor in the layout.
    public let tensor: Int
    /// Index of its first parameter in the flat vector.
    public let offset: Int
    /// 1 to 4096.
    public let count: Int

    public var range: Range<Int> { offset..<offset + count }
}

extension ParameterLayout {
    /// Segments: one for each 256 chunks begun.
    public var segmentCount: Int { (chunkCount + Self.segmentChunks - 1) / Self.segmentChunks }

    /// Blocks: one for each 262,144 parameters begun.
    public var blockCount: Int { (parameterCount + Self.blockParameters - 1) / Self.blockParameters }

    /// The chunk at `index` of the layout's sequence. O(log tensors).
    public func chunk(at index: Int) -> ParameterChunk {
        precondition(index >= 0 && index < chunkCount)
        let tensor = lastTensor { $0.firstChunk <= index }
        let start = (index - tensors[tensor].firstChunk) * Self.chunkParameters
        return ParameterChunk(
            index: index, tensor: tensor, offset: tensors[tensor].offset + start,
            count: min(Self.chunkParameters, tensors[tensor].count - start))
    }

    /// The index of the chunk that holds a parameter of the flat vector. O(log tensors).
    public func chunkIndex(containing parameter: Int) -> Int {
        precondition(parameter >= 0 && parameter < parameterCount)
        let tensor = tensors[lastTensor { $0.offset <= parameter }]
        return tensor.firstChunk + (parameter - tensor.offset) / Self.chunkParameters
    }

    /// The chunks of a segment.
    public func chunks(ofSegment segment: Int) -> Range<Int> {
        precondition(segment >= 0 && segment < segmentCount)
        let start = segment * Self.segmentChunks
        return start..<min(start + Self.segmentChunks, chunkCount)
    }

    /// The parameters of a segment: always one run of the flat vector.
    public func parameters(ofSegment segment: Int) -> Range<Int> {
        let chunks = chunks(ofSegment: segment)
        return chunk(at: chunks.lowerBound).offset..<chunk(at: chunks.upperBound - 1).range.upperBound
    }

    /// The parameters of a block.
    public func parameters(ofBlock block: Int) -> Range<Int> {
        precondition(block >= 0 && block < blockCount)
        let start = block * Self.blockParameters
        return start..<min(start + Self.blockParameters, parameterCount)
    }

    /// The chunks that touch a range of parameters, which is not empty.
    public func chunks(touching range: Range<Int>) -> Range<Int> {
        chunkIndex(containing: range.lowerBound)..<chunkIndex(containing: range.upperBound - 1) + 1
    }

    /// Index of the last tensor for which `holds`, which holds for a beginning of the list (the first included).
    private func lastTensor(where holds: (ParameterTensor) -> Bool) -> Int {
        var low = 0
        var high = tensors.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if holds(tensors[middle]) { low = middle } else { high = middle }
        }
        return low
    }
}
