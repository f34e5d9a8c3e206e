import ArgumentParser
import Model

/// The options that fix how the model is trained; the same for `solo` and `run`, so that one can be compared with the other.
struct RecipeOptions: ParsableArguments {
    @Option(help: "Sequences in a batch.") var batch = 16
    @Option(help: "adamw, or muon for the projections of the layers.") var optimizer = Kind.adamw
    @Option(help: "Peak learning rate of AdamW.") var learningRate = 1e-3
    @Option(help: "Peak learning rate of Muon.") var muonLearningRate = 0.02
    @Option(help: "Warm-up steps; a tenth of the horizon, at most 100, where not given.") var warmUp: Int?

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case adamw, muon
    }

    func validate() throws {
        guard (1...65_536).contains(batch) else { throw ValidationError("--batch must be from 1 to 65536.") }
        guard learningRate > 0, learningRate < 1 else {
            throw ValidationError("--learning-rate must be above 0 and below 1.")
        }
        guard muonLearningRate > 0, muonLearningRate < 1 else {
            throw ValidationError("--muon-learning-rate must be above 0 and below 1.")
        }
        guard (warmUp ?? 0) >= 0 else { throw ValidationError("--warm-up must not be negative.") }
    }

    func recipe(seed: UInt64, horizonSteps: Int) -> TrainingRecipe {
        TrainingRecipe(
            schedule: LearningRateSchedule(
                peak: learningRate, warmUpSteps: min(warmUp ?? min(100, horizonSteps / 10), horizonSteps),
                horizonSteps: horizonSteps),
            batchSequences: batch, batches: BatchSeed(number: seed),
            optimizer: optimizer == .muon ? .muon(peak: muonLearningRate) : .adamW)
    }
}
