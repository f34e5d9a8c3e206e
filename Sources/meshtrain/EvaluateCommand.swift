import ArgumentParser
import Model

/// Measures a model on held-out text.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Held-out loss of a model, in nats per byte.")

    @Option(help: "Directory of the model.") var model: String
    @Option(help: "Directory of UTF-8 text; the files that training holds out are measured.") var data: String
    @Option(help: "Measure about this many bytes, spread over the held-out text; all where not given.")
    var bytes: Int?
    @Flag(help: "Print one line of JSON.") var json = false

    private struct Report: Encodable {
        let loss: Double
        let bytes: Int
        let parameters: Int
    }

    func validate() throws {
        guard (bytes ?? 1) > 0 else { throw ValidationError("--bytes must be positive.") }
    }

    func run() throws {
        try TrainerExit.reporting { try evaluate() }
    }

    private func evaluate() throws {
        let (layout, parameters) = try ModelDirectory.read(model)
        let dataSet = try DataSet(directory: data)
        for warning in dataSet.warnings { Output.note("warning: \(warning)") }
        let transformer = Transformer(layout: layout, parameters: parameters, sequences: 4)
        let (loss, bytes) = try dataSet.heldOutLoss(layout.configuration, byteLimit: bytes).evaluate(transformer)
        if json {
            let report = Report(loss: loss, bytes: bytes, parameters: layout.parameterCount)
            Output.line(String(decoding: try Output.json(report), as: UTF8.self))
        } else {
            Output.line(dataSet.summary)
            Output.line("held-out loss \(Output.fixed(loss, 4)) nats per byte over \(bytes) bytes")
        }
    }
}
