import Crypto
import Synchronization

/// Takes the blocks of the next base, from several threads, each once.
public protocol BlockSink: Sendable {
    /// Stores a block and returns its Merkle leaf.
    func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(ParameterFileError) -> Digest
}

extension ParameterFileWriter: BlockSink {}

/// Keeps the blocks of a base in memory: for small models and the simulator.
public final class MemoryBlockSink: BlockSink {
    private let blocks = Mutex<[Int: [Float]]>([:])

    public init() {}

    /// The flat vector, once every block was written.
    public var values: [Float] {
        blocks.withLock { blocks in blocks.keys.sorted().flatMap { blocks[$0] ?? [] } }
    }

    public func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(ParameterFileError) -> Digest {
        let copy = Array(values)
        blocks.withLock { $0[block] = copy }
        return copy.withUnsafeBytes { MerkleTree.leaf($0) }
    }
}

/// Averages a manifest on a few threads: both passes, block-wise. The bits do not depend on the number of threads.
public enum Averager {
    /// The first pass: statistics of all segments.
    public static func statistics(
        layout: ParameterLayout, entries: [AveragingEntry], workers: Int
    ) throws(AveragingError) -> AveragingStatistics {
        let total = Mutex(AveragingStatistics(entryCount: entries.count, tensorCount: layout.tensors.count))
        try JobThreads.run(
            count: entries.isEmpty ? 0 : layout.segmentCount, workers: workers,
            makeWorker: { SegmentMeasurer(layout: layout, entries: entries) },
            job: { (measurer: SegmentMeasurer, segment: Int) throws(AveragingError) -> Void in
                let part = try measurer.measure(segment: segment)
                try total.withLock { (total) throws(AveragingError) in try total.merge(part) }
            })
        return total.withLock { $0 }
    }

    /// Both passes: writes the next base to `output` and returns its Merkle tree, and how the contributions went into it.
    /// The caller finishes the output.
    ///
    /// - Parameters:
    ///   - entries: the manifest's, in its order.
    ///   - base: the parameters of the parent version.
    ///   - workers: threads, at least one.
    public static func average(
        layout: ParameterLayout, entries: [AveragingEntry], rule: AveragingRule, base: any ParameterSource,
        output: any BlockSink, workers: Int
    ) throws(AveragingError) -> (tree: MerkleTree, figures: AveragingFigures) {
        precondition(base.parameterCount == layout.parameterCount)
        let statistics = try statistics(layout: layout, entries: entries, workers: workers)
        let plan = AveragingPlan(
            statistics: statistics, weightsQ30: entries.map(\.weightQ30), rule: rule,
            isDense: entries.allSatisfy { $0.contribution.profile.isDense })
        let leaves = Mutex([Digest](repeating: .zero, count: layout.blockCount))
        let step = Mutex(StepStatistics(entryCount: entries.count))
        let scratchCount = min(ParameterLayout.blockParameters, layout.parameterCount)
        try JobThreads.run(
            count: layout.blockCount, workers: workers,
            makeWorker: {
                (
                    averager: BlockAverager(layout: layout, entries: entries, plan: plan),
                    block: Storage<Float>(count: scratchCount, filledWith: 0)
                )
            },
            job: {
                (worker: (averager: BlockAverager, block: Storage<Float>), block: Int) throws(AveragingError) -> Void in
                let count = layout.parameters(ofBlock: block).count
                let parameters = UnsafeMutableBufferPointer(rebasing: worker.block.buffer[..<count])
                let leaf: Digest
                do throws(ParameterFileError) {
                    try base.readBlock(block, into: parameters)
                } catch {
                    throw .file(error)
                }
                let part = try worker.averager.average(block: block, parameters)
                step.withLock { $0.merge(part) }
                do throws(ParameterFileError) {
                    leaf = try output.writeBlock(block, UnsafeBufferPointer(parameters))
                } catch {
                    throw .file(error)
                }
                leaves.withLock { $0[block] = leaf }
            })
        return (
            MerkleTree(leaves: leaves.withLock { $0 }),
            AveragingFigures(statistics: statistics, plan: plan, step: step.withLock { $0 })
        )
    }
}
