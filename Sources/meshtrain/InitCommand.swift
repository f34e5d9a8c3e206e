import ArgumentParser
import Model

extension ModelPreset: ExpressibleByArgument {}

/// Makes version 0 of a model.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a new model: a function of preset and seed, the same bytes on every machine.")

    @Option(help: "Shape of the model.") var preset: ModelPreset
    @Option(help: "Seed of the starting weights.") var seed: UInt64 = 0
    @Option(help: "Directory to write: config.json, model.safetensors and the tokenizer. Nothing in it is replaced.")
    var out: String

    func run() throws {
        try TrainerExit.reporting { try make() }
    }

    private func make() throws {
        let layout = ModelLayout(preset.configuration)
        try ModelDirectory.write(
            layout: layout, parameters: Initialization.parameters(layout, seed: seed), to: out)
        Output.line("\(out): preset \(preset.rawValue), seed \(seed), \(layout.parameterCount) parameters")
    }
}
