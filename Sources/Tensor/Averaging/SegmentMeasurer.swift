/// The jobs of the first pass: the statistics of one segment of all contributions. One per worker.
public final class SegmentMeasurer {
    private let layout: ParameterLayout
    private let decoders: [SegmentDecoder]
    private let levels = Storage<Int16>(count: ParameterLayout.chunkParameters, filledWith: 0)

    public init(layout: ParameterLayout, entries: [AveragingEntry]) {
        precondition(entries.allSatisfy { $0.contribution.layout == layout }, "contributions have one layout")
        self.layout = layout
        decoders = entries.map { SegmentDecoder($0.contribution) }
    }

    /// Decodes the segment in each contribution, once.
    public func measure(segment: Int) throws(AveragingError) -> AveragingStatistics {
        var statistics = AveragingStatistics(entryCount: decoders.count, tensorCount: layout.tensors.count)
        var chunks: [SegmentDecoder.Chunk] = []
        chunks.reserveCapacity(decoders.count)
        for index in layout.chunks(ofSegment: segment) {
            let tensor = layout.chunk(at: index).tensor
            chunks.removeAll(keepingCapacity: true)
            for (entry, decoder) in decoders.enumerated() {
                do throws(CodecError) {
                    let chunk = try decoder.chunk(index)
                    try statistics.add(chunk.squareSum, entry: entry, tensor: tensor)
                    chunks.append(chunk)
                } catch {
                    throw .contribution(entry: entry, error)
                }
            }
            for first in chunks.indices.dropLast() { addProducts(of: first, chunks, to: &statistics) }
        }
        return statistics
    }

    /// The inner products of one chunk with those after it.
    private func addProducts(
        of first: Int, _ chunks: [SegmentDecoder.Chunk], to statistics: inout AveragingStatistics
    ) {
        guard case .sparse(let indices, let own, let unit) = chunks[first] else {
            for second in chunks.indices.dropFirst(first + 1) {
                statistics.add(Self.product(chunks[first], chunks[second]), first: first, second: second)
            }
            return
        }
        for place in indices.indices { levels[Int(indices[place])] = own[place] }
        for second in chunks.indices.dropFirst(first + 1) {
            if case .sparse(let otherIndices, let other, let otherUnit) = chunks[second] {
                var sum = 0
                for place in otherIndices.indices {
                    sum += Int(levels[Int(otherIndices[place])]) * Int(other[place])
                }
                if sum != 0 {
                    statistics.add(Int128(unit) * Int128(otherUnit) * Int128(sum), first: first, second: second)
                }
            } else {
                statistics.add(Self.product(chunks[second], chunks[first]), first: first, second: second)
            }
        }
        for place in indices.indices { levels[Int(indices[place])] = 0 }
    }

    /// The inner product of a dense chunk with any other.
    private static func product(_ dense: SegmentDecoder.Chunk, _ other: SegmentDecoder.Chunk) -> Int128 {
        guard case .dense(let values) = dense else { preconditionFailure("a dense chunk") }
        var sum: Int128 = 0
        switch other {
        case .dense(let others):
            for place in values.indices { sum += Int128(values[place]) * Int128(others[place]) }
        case .sparse(let indices, let levels, let unit):
            for place in indices.indices { sum += Int128(values[Int(indices[place])]) * Int128(levels[place]) }
            sum *= Int128(unit)
        }
        return sum
    }
}
