import ArgumentParser
import FoundationEssentials
import Model

/// Trains alone: the same model, text and schedule without a mesh.
struct SoloCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "solo", abstract: "Trains alone, for comparison: same start, tokens and schedule as in the mesh.")

    @Option(help: "Directory of the model to start from.") var model: String
    @Option(help: "Directory of UTF-8 text.") var data: String
    @Option(help: "Optimizer steps.") var steps: Int
    @Option(help: "Steps of the learning rate's schedule; as many as --steps where not given.") var horizon: Int?
    @Option(help: "Seed of the batches.") var seed: UInt64 = 0
    @Option(help: "Directory to write the trained model to.") var out: String?
    @Option(help: "File to write the report to, as JSON.") var report: String?
    @Option(help: "File that keeps the state: resumed from where it exists, written at the end and every 100 steps.")
    var checkpoint: String?
    @Option(help: "Measure the held-out loss every so many steps.") var evaluateEvery: Int?
    @Option(help: "Bytes of held-out text for these measurements; before and after, all is measured.")
    var evaluateBytes = 16_384
    @OptionGroup var recipe: RecipeOptions

    private struct Report: Encodable {
        let lossBefore: Double
        let lossAfter: Double
        let heldOutBytes: Int
        let steps: Int
        /// Of these, steps whose loss or gradient was no finite number.
        let skippedSteps: Int
        let tokens: Int
        let seconds: Double
        let tokensPerSecond: Double
        let parameters: Int
        let curve: [Point]
    }

    private struct Point: Encodable {
        let step: Int
        let trainingLoss: Double
        let heldOutLoss: Double
    }

    func validate() throws {
        guard steps >= 0, steps <= 1 << 40 else { throw ValidationError("--steps must not be negative.") }
        guard (horizon ?? 1) > 0 else { throw ValidationError("--horizon must be positive.") }
        guard (evaluateEvery ?? 1) > 0, evaluateBytes > 0 else {
            throw ValidationError("--evaluate-every and --evaluate-bytes must be positive.")
        }
    }

    func run() throws {
        try TrainerExit.reporting { try train() }
    }

    private func train() throws {
        // Hours of training are not lost for a directory that was taken from the beginning.
        if let out { try ModelDirectory.checkAbsent(out) }
        let (layout, parameters) = try ModelDirectory.read(model)
        let dataSet = try DataSet(directory: data)
        dataSet.describe()
        let configuration = layout.configuration
        let trainer = Trainer(
            layout: layout, parameters: parameters,
            recipe: recipe.recipe(seed: seed, horizonSteps: horizon ?? max(1, steps)),
            text: try dataSet.sampler(configuration))
        let everything = try dataSet.heldOutLoss(configuration, byteLimit: nil)
        let part = try dataSet.heldOutLoss(configuration, byteLimit: evaluateBytes)
        let before = try everything.evaluate(trainer.transformer)

        var first = 0
        if let checkpoint, let kept = try CheckpointFile.read(checkpoint, layout: layout) {
            try trainer.restore(kept)
            first = Int(clamping: kept.nextStep)
            Output.note("resuming at step \(first)")
        }
        let clock = ContinuousClock()
        let start = clock.now
        var tokens = 0
        var skipped = 0
        var curve: [Point] = []
        for step in first..<max(first, steps) {
            let done = try trainer.takeStepIfFinite(step)
            tokens += done?.tokens ?? 0
            if done == nil {
                skipped += 1
                Output.note("step \(step + 1): skipped, loss or gradient is not a finite number")
            }
            if let done, let evaluateEvery, (step + 1) % evaluateEvery == 0 {
                let loss = try part.evaluate(trainer.transformer).natsPerByte
                curve.append(Point(step: step + 1, trainingLoss: done.loss, heldOutLoss: loss))
                Output.note(
                    "step \(step + 1): training \(Output.fixed(done.loss, 4)), held out \(Output.fixed(loss, 4))")
            }
            if let checkpoint, (step + 1) % 100 == 0 || step + 1 == steps {
                try CheckpointFile.write(
                    trainer.checkpoint(nextStep: step + 1, includingParameters: true), to: checkpoint)
            }
        }
        let seconds = (clock.now - start) / .seconds(1)
        let after = try everything.evaluate(trainer.transformer)
        if let out {
            try ModelDirectory.write(layout: layout, parameters: Array(trainer.transformer.parameters), to: out)
        }
        let result = Report(
            lossBefore: before.natsPerByte, lossAfter: after.natsPerByte, heldOutBytes: after.bytes, steps: steps,
            skippedSteps: skipped,
            tokens: tokens, seconds: seconds, tokensPerSecond: seconds > 0 ? Double(tokens) / seconds : 0,
            parameters: layout.parameterCount, curve: curve)
        let json = try Output.json(result)
        if let report { try Data(json).write(to: URL(filePath: report), options: .atomic) }
        Output.line(String(decoding: json, as: UTF8.self))
    }
}
