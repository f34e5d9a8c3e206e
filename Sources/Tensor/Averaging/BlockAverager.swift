import CKernels

/// The jobs of the second pass: one block of the next state. One per worker: holds the sums and the senders of one chunk.
public final class BlockAverager {
    private let layout: ParameterLayout
    private let plan: AveragingPlan
    private let decoders: [SegmentDecoder]
    private let stepper: OuterStepper
    private let sums = Storage<Int64>(count: ParameterLayout.chunkParameters, filledWith: 0)
    /// How many sent each coordinate of a chunk.
    private let counts = Storage<UInt32>(count: ParameterLayout.chunkParameters, filledWith: 0)

    public init(layout: ParameterLayout, entries: [AveragingEntry], plan: AveragingPlan) {
        precondition(plan.multipliersQ30.count == entries.count)
        precondition(entries.allSatisfy { $0.contribution.layout == layout }, "contributions have one layout")
        self.layout = layout
        self.plan = plan
        decoders = entries.map { SegmentDecoder($0.contribution) }
        stepper = OuterStepper(plan.rule.step)
    }

    /// Turns a block of the base into the same block of the next base.
    ///
    /// With no entries the block stays as it is, bit for bit. A chunk that lies in two blocks is averaged in both.
    ///
    /// - Parameters:
    ///   - parameters: in: the block of the base; out: of the next base.
    ///   - second: the same block of the second moment, for a step that has one.
    /// - Returns: how the contributions lie to the step in this block.
    public func average(
        block: Int, _ parameters: UnsafeMutableBufferPointer<Float>, second: UnsafeMutableBufferPointer<Float>? = nil
    ) throws(AveragingError) -> StepStatistics {
        let range = layout.parameters(ofBlock: block)
        precondition(parameters.count == range.count && (second?.count ?? range.count) == range.count)
        precondition(plan.rule.step.hasSecondMoment == (second != nil))
        var statistics = StepStatistics(entryCount: decoders.count)
        guard !decoders.isEmpty, let values = parameters.baseAddress else { return statistics }
        var chunks: [SegmentDecoder.Chunk] = []
        chunks.reserveCapacity(decoders.count)
        var largest: UInt32 = 0
        for index in layout.chunks(touching: range) {
            let place = layout.chunk(at: index)
            sums.buffer[..<place.count].update(repeating: 0)
            chunks.removeAll(keepingCapacity: true)
            for (entry, decoder) in decoders.enumerated() {
                do throws(CodecError) {
                    let chunk = try decoder.chunk(index)
                    add(chunk, plan.multipliersQ30[entry][place.tensor])
                    chunks.append(chunk)
                } catch {
                    throw .contribution(entry: entry, error)
                }
            }
            divide(chunks, count: place.count)
            let overlap = place.range.clamped(to: range)
            let part = overlap.lowerBound - place.offset..<overlap.upperBound - place.offset
            statistics.add(
                chunks, sums: UnsafeBufferPointer(rebasing: sums.buffer[part]), first: part.lowerBound)
            let inBlock = overlap.lowerBound - range.lowerBound
            let magnitude = stepper.apply(
                sums.pointer, count: place.count, part: part, parameters: values + inBlock,
                second: second?.baseAddress.map { $0 + inBlock },
                isMatrix: layout.tensors[place.tensor].shape.count > 1)
            largest = max(largest, magnitude)
        }
        guard largest < Float.infinity.bitPattern else { throw .nonFinite(block: block) }
        return statistics
    }

    private func add(_ chunk: SegmentDecoder.Chunk, _ multiplierQ30: UInt64) {
        switch chunk {
        case .sparse(let indices, let levels, let unit):
            mesh_add_sparse(
                sums.pointer, indices.baseAddress, levels.baseAddress, indices.count,
                Self.scale(unit, by: multiplierQ30))
        case .dense(let values):
            precondition(multiplierQ30 <= FixedPoint.oneQ30, "a dense entry weighs no more than all senders")
            mesh_add_dense(sums.pointer, values.baseAddress, UInt32(multiplierQ30), values.count)
        }
    }

    /// Divides each sum of a chunk by the number of its senders instead of the least divisor, where that is more.
    private func divide(_ chunks: [SegmentDecoder.Chunk], count: Int) {
        guard chunks.count > plan.divisor else { return }
        counts.buffer.update(repeating: 0)
        for chunk in chunks {
            switch chunk {
            case .sparse(let indices, _, _): mesh_count_sparse(counts.pointer, indices.baseAddress, indices.count)
            case .dense(let values): for place in values.indices { counts[place] += 1 }
            }
        }
        mesh_divide_by_senders(sums.pointer, counts.pointer, UInt32(plan.divisor), count)
    }

    /// `unit * multiplier / 2^30`, rounded, half up: what one level is worth after weighting.
    static func scale(_ unit: Int64, by multiplierQ30: UInt64) -> Int64 {
        Int64((UInt128(unit) * UInt128(multiplierQ30) + (1 << 29)) >> 30)
    }
}
