/// What fixes a training run beside the model and the text.
public struct TrainingRecipe: Sendable {
    public let schedule: LearningRateSchedule
    /// Sequences that one optimizer step averages over.
    public let batchSequences: Int
    public let batches: BatchSeed
    public let optimizer: OptimizerKind

    public init(
        schedule: LearningRateSchedule, batchSequences: Int, batches: BatchSeed, optimizer: OptimizerKind = .adamW
    ) {
        precondition(batchSequences > 0)
        self.schedule = schedule
        self.batchSequences = batchSequences
        self.batches = batches
        self.optimizer = optimizer
    }

    /// Whether both prescribe the same steps.
    public func isSame(as other: TrainingRecipe) -> Bool {
        schedule == other.schedule && batchSequences == other.batchSequences && optimizer == other.optimizer
            && batches.identifier == other.batches.identifier
    }
}

/// What one optimizer step did.
public struct StepReport: Hashable, Sendable {
    /// Mean loss of the batch before the step, in nats per token.
    public let loss: Double
    /// Norm of the gradient before it was clipped.
    public let gradientNorm: Double
    public let learningRate: Double
    public let tokens: Int
}

/// Transformer, optimizer and text together: takes one optimizer step at a time.
///
/// A batch is a function of seed and number alone; its number is the step's unless the caller says otherwise. Not for
/// concurrent use.
public final class Trainer {
    public let layout: ModelLayout
    public let recipe: TrainingRecipe
    public let optimizer: Optimizer
    public let transformer: Transformer
    private let sampler: BatchSampler
    /// Steps whose loss or gradient was no finite number, since the last one that was taken.
    private var skippedInARow = 0
    private var tokens: [UInt16]
    private var targets: [UInt16]

    /// Rows of one pass: few enough for the activations of a layer to stay in the cache, enough for full matrix kernels.
    static let rowsPerPass = 512

    /// - Parameters:
    ///   - parameters: the flat vector to start from.
    ///   - text: token ids to draw batches from.
    public init(layout: ModelLayout, parameters: [Float], recipe: TrainingRecipe, text: BatchSampler) {
        let context = layout.configuration.contextLength
        precondition(text.contextLength == context, "the sampler must draw sequences of the model's context")
        // The largest divisor of the batch that keeps a pass within its rows.
        let wanted = max(1, Trainer.rowsPerPass / context)
        let sequences = (1...recipe.batchSequences).last { recipe.batchSequences % $0 == 0 && $0 <= wanted } ?? 1
        self.layout = layout
        self.recipe = recipe
        transformer = Transformer(layout: layout, parameters: parameters, sequences: sequences)
        optimizer = Optimizer(layout: layout, kind: recipe.optimizer)
        sampler = text
        tokens = [UInt16](repeating: 0, count: recipe.batchSequences * context)
        targets = tokens
    }

    /// Replaces the parameters, as at the start of a round; the moments stay.
    public func setParameters(_ values: UnsafeBufferPointer<Float>) {
        precondition(values.count == layout.parameterCount)
        _ = transformer.parameters.update(from: values)
    }

    /// Takes global inner step `step`.
    ///
    /// - Parameter batch: the number of the batch; that of the step where not given. A site that is faster than the rounds takes
    ///   more steps than the schedule has, and draws a new batch for each.
    /// - Throws: `ModelError.notFinite` when loss or gradient overflowed; parameters and moments are as before then.
    public func takeStep(_ step: Int, batch: Int? = nil) throws(ModelError) -> StepReport {
        let loss = try computeGradient(batch ?? step)
        let (norm, rate) = try applyGradient(step)
        return StepReport(loss: loss, gradientNorm: norm, learningRate: rate, tokens: tokens.count)
    }

    /// So many steps in a row that cannot be taken end training: one may be a freak of the text, three are a divergence.
    public static let skippedStepsMaximum = 3

    /// Takes global inner step `step`, or skips it: nil if its loss or gradient is no finite number. Parameters and moments
    /// are as before then.
    ///
    /// - Throws: `ModelError.diverged` for the third such step in a row.
    public func takeStepIfFinite(_ step: Int, batch: Int? = nil) throws(ModelError) -> StepReport? {
        do {
            let report = try takeStep(step, batch: batch)
            skippedInARow = 0
            return report
        } catch {
            guard case .notFinite(let what) = error else { throw error }
            skippedInARow += 1
            guard skippedInARow < Trainer.skippedStepsMaximum else {
                throw .diverged(
                    step: step, what: what, stepsInARow: skippedInARow,
                    batch: sampler.places(recipe.batchSequences, seed: recipe.batches, step: batch ?? step))
            }
            return nil
        }
    }

    /// Leaves the mean gradient of a batch in `transformer.gradient`; returns the mean loss, in nats per token.
    ///
    /// - Throws: `ModelError.notFinite` when the loss overflowed.
    public func computeGradient(_ batch: Int) throws(ModelError) -> Double {
        sampler.fill(tokens: &tokens, targets: &targets, seed: recipe.batches, step: batch)
        transformer.zeroGradient()
        var loss = 0.0
        let scale = 1 / Float(tokens.count)
        for start in stride(from: 0, to: tokens.count, by: transformer.tokensPerPass) {
            let range = start..<start + transformer.tokensPerPass
            loss += tokens.withUnsafeBufferPointer { tokens in
                targets.withUnsafeBufferPointer { targets in
                    transformer.accumulateGradient(
                        tokens: UnsafeBufferPointer(rebasing: tokens[range]),
                        targets: UnsafeBufferPointer(rebasing: targets[range]), scale: scale)
                }
            }
        }
        guard loss.isFinite else { throw .notFinite(what: "the loss") }
        return loss / Double(tokens.count)
    }

    /// Updates the parameters by what `transformer.gradient` holds, at the rate of this step.
    ///
    /// - Throws: `ModelError.notFinite` when the gradient overflowed; parameters and moments are as before then.
    public func applyGradient(_ step: Int) throws(ModelError) -> (gradientNorm: Double, learningRate: Double) {
        let rate = recipe.schedule.rate(step: step)
        let norm = try optimizer.update(
            parameters: transformer.parameters, gradient: transformer.gradient, learningRate: rate,
            scheduleFraction: rate / recipe.schedule.peak)
        return (norm, rate)
    }
}
