import ArgumentParser
import Model

/// Tokens a second of training, per preset, on one core.
struct ModelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Training speed of each preset on one core, in tokens a second.")

    @Option(help: "Sequences in a batch.") var batch = 16
    @Option(help: "Seconds to measure each preset, about.") var seconds = 5.0
    @Option(help: "Only this preset.") var preset: String?

    func run() throws {
        let clock = ContinuousClock()
        var generator = SplitMix(state: 1)
        let stream = (0..<100_000).map { _ in UInt16.random(in: 3..<260, using: &generator) }
        for preset in ModelPreset.allCases where self.preset == nil || self.preset == preset.rawValue {
            let layout = ModelLayout(preset.configuration)
            let sampler = try BatchSampler(
                TrainingText(tokens: stream, path: "synthetic text"),
                contextLength: preset.configuration.contextLength, path: "synthetic text")
            let trainer = Trainer(
                layout: layout, parameters: Initialization.parameters(layout, seed: 1),
                recipe: TrainingRecipe(
                    schedule: LearningRateSchedule(peak: 1e-3, warmUpSteps: 10, horizonSteps: 1000),
                    batchSequences: batch, batches: BatchSeed(number: 1)),
                text: sampler)
            _ = try trainer.takeStep(0)
            let start = clock.now
            var tokens = 0
            var step = 1
            while clock.now - start < .seconds(seconds) {
                tokens += try trainer.takeStep(step).tokens
                step += 1
            }
            let elapsed = (clock.now - start) / .seconds(1)
            let rate = Double(tokens) / elapsed
            let operations = 6 * Double(layout.parameterCount) * rate / 1e9
            print(
                "model_\(preset.rawValue)_tokens_per_s \(Int(rate))  parameters \(layout.parameterCount)"
                    + "  gflop_per_s_6n \(Int(operations))")
        }
    }
}
