import Model
import Tensor

/// What all methods of a comparison have in common.
struct ConvergenceSetting: Sendable {
    let layout: ModelLayout
    let sites: [SiteText]
    /// Optimizer steps of each site.
    var steps: Int
    /// Sequences of one step of one site.
    let batchSequences: Int
    var peak: Double
    var warmUpSteps: Int
    var optimizer: OptimizerKind
    var seed: UInt64
    /// Points of a curve.
    let points: Int

    var schedule: LearningRateSchedule {
        LearningRateSchedule(peak: peak, warmUpSteps: warmUpSteps, horizonSteps: steps)
    }

    /// The start of every method.
    var start: [Float] { Initialization.parameters(layout, seed: seed) }

    /// A trainer of one site. Batches depend on seed, site and step alone, so every method sees the same ones.
    func trainer(site: Int, parameters: [Float]) -> Trainer {
        Trainer(
            layout: layout, parameters: parameters,
            recipe: TrainingRecipe(
                schedule: schedule, batchSequences: batchSequences,
                batches: BatchSeed(number: seed &* 1_000 &+ UInt64(site)), optimizer: optimizer),
            text: sites[site].sampler)
    }

    /// Every site's held-out loss, in nats per byte; on a sample where it is only a point of a curve.
    func losses(_ parameters: [Float], sampled: Bool = false) throws -> [Double] {
        try Threads.map(sites.count) { site in
            let transformer = Transformer(layout: layout, parameters: parameters, sequences: 4)
            let text = sampled ? sites[site].sample : sites[site].heldOut
            return try text.evaluate(transformer).natsPerByte
        }
    }

    /// Whether the curve has a point after this many steps, where `stride` steps are done at a time.
    func hasPoint(afterSteps done: Int, stride: Int) -> Bool {
        let before = (done - stride) * points / steps
        return done >= steps || done * points / steps > before
    }
}

/// What a method made of a setting.
struct ConvergenceRun: Sendable {
    /// One point of a curve: the loss of every language after so many steps.
    struct Point: Sendable {
        let step: Int
        let losses: [Double]
        var mean: Double { losses.reduce(0, +) / Double(losses.count) }
    }

    let parameters: [Float]
    /// Measured on samples, but for the last point, which is the result; not empty.
    let curve: [Point]
    /// Bytes that one site sends, and receives, in all.
    let sentBytes: Double
    let receivedBytes: Double
    let rounds: Int

    var final: Point {
        guard let last = curve.last else { preconditionFailure("a run has a result") }
        return last
    }

    /// Sites that trained by themselves, each measured on its own language.
    ///
    /// - Parameter after: steps that were taken before; the curve continues there.
    static func own(_ runs: [ConvergenceRun], after steps: Int = 0) -> ConvergenceRun {
        let length = runs.map { $0.curve.count - 1 }.min() ?? 0
        var curve = (0..<length).map { index in
            Point(step: steps + runs[0].curve[index].step, losses: runs.map { $0.curve[index].losses[0] })
        }
        let last = runs.enumerated().map { site, run in run.final.losses[site] }
        curve.append(Point(step: runs.map(\.final.step).max() ?? 0, losses: last))
        return ConvergenceRun(parameters: [], curve: curve, sentBytes: 0, receivedBytes: 0, rounds: 0)
    }

    /// Sites that trained by themselves, measured on all languages: the mean of their models.
    static func everyLanguage(_ runs: [ConvergenceRun]) -> ConvergenceRun {
        let losses = runs[0].final.losses.indices.map { language in
            runs.reduce(0) { $0 + $1.final.losses[language] } / Double(runs.count)
        }
        return ConvergenceRun(
            parameters: [], curve: [Point(step: runs.map(\.final.step).max() ?? 0, losses: losses)], sentBytes: 0,
            receivedBytes: 0, rounds: 0)
    }
}
