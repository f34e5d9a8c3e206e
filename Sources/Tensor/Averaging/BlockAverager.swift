import CKernels

/// The jobs of the second pass: one block of the next base. One per worker: holds the sums of one block (2 MiB) and the
/// senders of one chunk.
public final class BlockAverager {
    private let layout: ParameterLayout
    private let plan: AveragingPlan
    private let decoders: [SegmentDecoder]
    private let sums: Storage<Int64>
    /// How many sent each coordinate of a chunk.
    private let counts = Storage<UInt32>(count: ParameterLayout.chunkParameters, filledWith: 0)

    public init(layout: ParameterLayout, entries: [AveragingEntry], plan: AveragingPlan) {
        precondition(plan.multipliersQ30.count == entries.count)
        precondition(entries.allSatisfy { $0.contribution.layout == layout }, "contributions have one layout")
        self.layout = layout
        self.plan = plan
        decoders = entries.map { SegmentDecoder($0.contribution) }
        sums = Storage(count: min(ParameterLayout.blockParameters, layout.parameterCount), filledWith: 0)
    }

    /// Turns a block of the base into the same block of the next base.
    ///
    /// With no entries the block stays as it is, bit for bit.
    ///
    /// - Parameter parameters: in: the block of the base; out: of the next base.
    /// - Returns: how the contributions lie to the step in this block.
    public func average(
        block: Int, _ parameters: UnsafeMutableBufferPointer<Float>
    ) throws(AveragingError) -> StepStatistics {
        let range = layout.parameters(ofBlock: block)
        precondition(parameters.count == range.count)
        var statistics = StepStatistics(entryCount: decoders.count)
        guard !decoders.isEmpty, let values = parameters.baseAddress else { return statistics }
        sums.buffer.update(repeating: 0)
        var chunks: [SegmentDecoder.Chunk] = []
        chunks.reserveCapacity(decoders.count)
        for index in layout.chunks(touching: range) {
            let place = layout.chunk(at: index)
            chunks.removeAll(keepingCapacity: true)
            for (entry, decoder) in decoders.enumerated() {
                do throws(CodecError) {
                    let chunk = try decoder.chunk(index)
                    add(chunk, at: place, plan.multipliersQ30[entry][place.tensor], within: range)
                    chunks.append(chunk)
                } catch {
                    throw .contribution(entry: entry, error)
                }
            }
            let overlap = place.range.clamped(to: range)
            let inBlock = overlap.lowerBound - range.lowerBound..<overlap.upperBound - range.lowerBound
            let first = overlap.lowerBound - place.offset
            divide(chunks, sums.pointer + inBlock.lowerBound, first: first, count: inBlock.count)
            statistics.add(chunks, sums: UnsafeBufferPointer(rebasing: sums.buffer[inBlock]), first: first)
        }
        let largest = mesh_outer_step(values, sums.pointer, plan.rule.outerLearningRate, range.count)
        guard largest < Float.infinity.bitPattern else { throw .nonFinite(block: block) }
        return statistics
    }

    private func add(
        _ chunk: SegmentDecoder.Chunk, at place: ParameterChunk, _ multiplierQ30: UInt64, within range: Range<Int>
    ) {
        let isWhole = range.contains(place.offset) && place.range.upperBound <= range.upperBound
        switch chunk {
        case .sparse(let indices, let levels, let unit):
            let scaled = Self.scale(unit, by: multiplierQ30)
            if isWhole {
                mesh_add_sparse(
                    sums.pointer + (place.offset - range.lowerBound), indices.baseAddress, levels.baseAddress,
                    indices.count, scaled)
                return
            }
            for entry in indices.indices where range.contains(place.offset + Int(indices[entry])) {
                sums[place.offset + Int(indices[entry]) - range.lowerBound] += Int64(levels[entry]) * scaled
            }
        case .dense(let values):
            let overlap = place.range.clamped(to: range)
            guard let start = values.baseAddress else { return }
            precondition(multiplierQ30 <= FixedPoint.oneQ30, "a dense entry weighs no more than all senders")
            mesh_add_dense(
                sums.pointer + (overlap.lowerBound - range.lowerBound), start + (overlap.lowerBound - place.offset),
                UInt32(multiplierQ30), overlap.count)
        }
    }

    /// Divides each sum of a chunk by the number of its senders instead of the least divisor, where that is more.
    ///
    /// - Parameters:
    ///   - sums: where the chunk's `first` coordinate lies.
    ///   - count: coordinates of the chunk that are in the block.
    private func divide(_ chunks: [SegmentDecoder.Chunk], _ sums: UnsafeMutablePointer<Int64>, first: Int, count: Int) {
        guard chunks.count > plan.divisor else { return }
        counts.buffer.update(repeating: 0)
        for chunk in chunks {
            switch chunk {
            case .sparse(let indices, _, _): mesh_count_sparse(counts.pointer, indices.baseAddress, indices.count)
            case .dense(let values): for place in values.indices { counts[place] += 1 }
            }
        }
        mesh_divide_by_senders(sums, counts.pointer + first, UInt32(plan.divisor), count)
    }

    /// `unit * multiplier / 2^30`, rounded, half up: what one level is worth after weighting.
    static func scale(_ unit: Int64, by multiplierQ30: UInt64) -> Int64 {
        Int64((UInt128(unit) * UInt128(multiplierQ30) + (1 << 29)) >> 30)
    }
}
