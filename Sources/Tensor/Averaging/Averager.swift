import Crypto
import System

/// Takes the blocks of the next base, from several threads, each once.
public protocol BlockSink: Sendable {
    /// Stores a block and returns its Merkle leaf.
    func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(FileError) -> Digest
}

extension ParameterFileWriter: BlockSink {}

/// Keeps the blocks of a base in memory: for small models and the simulator.
public final class MemoryBlockSink: BlockSink {
    private let blocks = Guarded<[Int: [Float]]>([:])

    public init() {}

    /// The flat vector, once every block was written.
    public var values: [Float] {
        blocks.withLock { blocks in blocks.keys.sorted().flatMap { blocks[$0] ?? [] } }
    }

    public func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) throws(FileError) -> Digest {
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
        let total = Guarded(AveragingStatistics(entryCount: entries.count, tensorCount: layout.tensors.count))
        try JobThreads.run(
            count: entries.isEmpty ? 0 : layout.segmentCount, workers: workers,
            makeWorker: { SegmentMeasurer(layout: layout, entries: entries) },
            job: { (measurer: SegmentMeasurer, segment: Int) throws(AveragingError) -> Void in
                let part = try measurer.measure(segment: segment)
                try total.withLock { (total) throws(AveragingError) in try total.merge(part) }
            })
        return total.withLock { $0 }
    }

    /// Both passes: writes the next state to the outputs, which the caller finishes.
    ///
    /// - Parameters:
    ///   - entries: the manifest's, in its order.
    ///   - base: the parameters of the parent version.
    ///   - second: the second moment, for a step that has one.
    ///   - workers: threads, at least one.
    public static func average(
        layout: ParameterLayout, entries: [AveragingEntry], rule: AveragingRule, base: any ParameterSource,
        output: any BlockSink, second: SecondMoment? = nil, workers: Int
    ) throws(AveragingError) -> AveragedState {
        precondition(base.parameterCount == layout.parameterCount)
        precondition(
            rule.step.transform == .identity || entries.allSatisfy { !$0.contribution.profile.isDense },
            "dense contributions have no transform")
        precondition(second.map { $0.base.parameterCount == layout.parameterCount } ?? true)
        let statistics = try statistics(layout: layout, entries: entries, workers: workers)
        let plan = AveragingPlan(
            statistics: statistics, weightsQ30: entries.map(\.weightQ30), rule: rule,
            isDense: entries.allSatisfy { $0.contribution.profile.isDense })
        let leaves = Guarded([Digest](repeating: .zero, count: layout.blockCount))
        let step = Guarded(StepStatistics(entryCount: entries.count))
        try JobThreads.run(
            count: layout.blockCount, workers: workers,
            makeWorker: { BlockWorker(layout: layout, entries: entries, plan: plan, hasSecond: second != nil) },
            job: { (worker: BlockWorker, block: Int) throws(AveragingError) -> Void in
                let count = layout.parameters(ofBlock: block).count
                let parameters = UnsafeMutableBufferPointer(rebasing: worker.parameters.buffer[..<count])
                let moments = worker.second.map { UnsafeMutableBufferPointer(rebasing: $0.buffer[..<count]) }
                do throws(FileError) {
                    try base.readBlock(block, into: parameters)
                    if let second, let moments { try second.base.readBlock(block, into: moments) }
                } catch {
                    throw .file(error)
                }
                let part = try worker.averager.average(block: block, parameters, second: moments)
                step.withLock { $0.merge(part) }
                do throws(FileError) {
                    let leaf = try output.writeBlock(block, UnsafeBufferPointer(parameters))
                    leaves.withLock { $0[block] = leaf }
                    if let second, let moments {
                        _ = try second.output.writeBlock(block, UnsafeBufferPointer(moments))
                    }
                } catch {
                    throw .file(error)
                }
            })
        return AveragedState(
            tree: MerkleTree(leaves: leaves.withLock { $0 }),
            figures: AveragingFigures(statistics: statistics, plan: plan, step: step.withLock { $0 }))
    }

    private struct BlockWorker {
        let averager: BlockAverager
        let parameters: Storage<Float>
        let second: Storage<Float>?

        init(layout: ParameterLayout, entries: [AveragingEntry], plan: AveragingPlan, hasSecond: Bool) {
            let room = min(ParameterLayout.blockParameters, layout.parameterCount)
            averager = BlockAverager(layout: layout, entries: entries, plan: plan)
            parameters = Storage(count: room, filledWith: 0)
            second = hasSecond ? Storage(count: room, filledWith: 0) : nil
        }
    }
}

/// Where the second moment of a shared optimizer comes from, and where the next one goes.
public struct SecondMoment: Sendable {
    public let base: any ParameterSource
    public let output: any BlockSink

    public init(base: any ParameterSource, output: any BlockSink) {
        self.base = base
        self.output = output
    }
}

/// What averaging made: the Merkle tree of the parameters that were written, and how the contributions went into it.
public struct AveragedState: Sendable {
    /// Of the parameters.
    public let tree: MerkleTree
    public let figures: AveragingFigures
}
