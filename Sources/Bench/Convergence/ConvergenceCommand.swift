import ArgumentParser
import Foundation
import Model
import Tensor

/// Trains the same sites in several ways at equal tokens and prints what each way reaches, and for how many bytes.
struct ConvergenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convergence",
        abstract: "Compares the mesh with synchronous training, with sites alone and with derivatives.",
        discussion: """
            Every site holds one language. Losses are held out, in nats per byte. All methods start from the same parameters and \
            see the same batches. Docs/training.md explains the figures.
            """)

    enum Preset: String, ExpressibleByArgument, CaseIterable {
        case quick, small
    }

    enum Shape: String, ExpressibleByArgument, CaseIterable {
        case tiny, small, medium, base, large
    }

    enum Inner: String, ExpressibleByArgument, CaseIterable {
        case adamw, muon
    }

    enum Method: String, ExpressibleByArgument, CaseIterable {
        case start, sync, mesh, alone, derivative
    }

    @Option(help: "quick: 0.25 M parameters, 450 steps. small: 1 M parameters, 1800 steps.") var preset = Preset.quick
    @Option(help: "Shape of the model in place of the preset's.") var shape: Shape?
    @Option(help: "Languages, one a site.") var languages = "de,fr,es,pl"
    @Option(help: "A directory of UTF-8 text, one a site; may be repeated. In place of --languages.")
    var text: [String] = []
    @Option(help: "Bytes of training text of each site; all where not given.") var textLimit: Int?
    @Option(help: "Bytes of held-out text of each site that are measured.") var heldOutLimit = 65_536
    @Option(help: "Optimizer steps of each site.") var steps: Int?
    @Option(help: "Sequences in a batch.") var batch = 8
    @Option(help: "Peak learning rate of AdamW.") var learningRate = 0.004
    @Option(help: "The inner optimizer.") var inner = Inner.muon
    @Option(help: "Peak learning rate of Muon.") var muonRate = 0.02
    @Option(help: "How many seeds, from 1 on.") var seeds = 3
    @Option(help: "Methods, separated by commas: start (no training), sync, mesh, alone, derivative.")
    var methods = "sync,mesh,alone,derivative"
    @Option(help: "Local steps of a round.") var innerSteps = 15
    @Option(help: "Values kept of 4096; 0 for dense float32.") var kept = 64
    @Option(help: "Bits of a kept value.") var bits = 2
    @Option(help: "Share of what was not sent that is kept for the next contribution.") var feedback = 0.95
    @Option(help: "Outer learning rate.") var outerRate = 1.0
    @Option(help: "What each coordinate is divided by at least; f + 1 where not given.") var divisor: Int?
    @Option(help: "Local steps of a derivative.") var derivativeSteps = 60
    @Option(help: "Peak of a derivative's learning rates, as a share of the mesh's.") var derivativeRate = 0.3
    @Option(help: "Directory of a model that a mesh of these sites has trained, measured in place of one trained here.")
    var meshModel: String?
    @Option(help: "With --mesh-model: the sites' rounds.jsonl, for the curve; one a site.") var meshRounds: [String] =
        []
    @Option(help: "With --mesh-model: bytes that a site sent.") var meshSent = 0.0
    @Option(help: "With --mesh-model: bytes that a site received.") var meshReceived = 0.0
    @Flag(help: "Print in words what the figures say to a site that may join.") var verdict = false
    @Option(help: "File for the report, as JSON.") var report: String?
    @Option(help: "File for the curves, as SVG.") var picture: String?

    func validate() throws {
        guard (1...10).contains(seeds) else { throw ValidationError("--seeds is 1 to 10") }
        guard (steps ?? 1) >= 1, innerSteps >= 1, derivativeSteps >= 1, batch >= 1 else {
            throw ValidationError("--steps, --inner-steps, --derivative-steps and --batch are at least 1")
        }
        guard kept == 0 || CodecProfile.topK(kept: kept, bits: bits).isValid else {
            throw ValidationError("--kept and --bits: the codec has no such profile")
        }
        guard (0...1).contains(feedback) else { throw ValidationError("--feedback is 0 to 1") }
        guard (0...256).contains(outerRate) else { throw ValidationError("--outer-rate is 0 to 256") }
        guard (1...4096).contains(divisor ?? 1) else { throw ValidationError("--divisor is 1 to 4096") }
        _ = try chosenMethods()
    }

    private func chosenMethods() throws -> [Method] {
        try methods.split(separator: ",").map {
            guard let method = Method(rawValue: String($0)) else {
                throw ValidationError("--methods: there is no '\($0)'; choose of start, sync, mesh, alone, derivative")
            }
            return method
        }
    }

    func run() throws {
        let chosen = shape.flatMap { ModelPreset(rawValue: $0.rawValue) }
        let configuration = (chosen ?? (preset == .quick ? .tiny : .small)).configuration
        let languages = languages.split(separator: ",").map(String.init)
        let directories = text.isEmpty ? try ConvergenceTexts.directories(languages: languages) : text
        let sites = try directories.map {
            try ConvergenceTexts.read(
                $0, configuration: configuration, trainingLimit: textLimit, heldOutLimit: heldOutLimit)
        }
        var table = ConvergenceTable(sites: sites.map(\.name))
        for seed in 1...UInt64(seeds) {
            try measure(setting(configuration, sites, seed: seed), into: &table)
        }
        print(table.text)
        if verdict, let words = table.verdict(derivativeSteps: derivativeSteps) { print("\n" + words) }
        if let report { try Data(table.json().utf8).write(to: URL(filePath: report), options: .atomic) }
        if let picture { try Data(table.picture.utf8).write(to: URL(filePath: picture), options: .atomic) }
    }

    private func setting(_ configuration: ModelConfiguration, _ sites: [SiteText], seed: UInt64) -> ConvergenceSetting {
        let steps = steps ?? (preset == .quick ? 450 : 1800)
        return ConvergenceSetting(
            layout: ModelLayout(configuration), sites: sites, steps: steps, batchSequences: batch, peak: learningRate,
            warmUpSteps: min(100, steps / 10), optimizer: inner == .adamw ? .adamW : .muon(peak: muonRate), seed: seed,
            points: 15)
    }

    private func measure(_ setting: ConvergenceSetting, into table: inout ConvergenceTable) throws {
        let methods = try chosenMethods()
        func add(_ name: String, _ run: ConvergenceRun) {
            table.add(name, run, of: setting)
            let line = "seed \(setting.seed): \(name) \(ConvergenceTable.number(run.final.mean, 3))\n"
            FileHandle.standardError.write(Data(line.utf8))
        }
        if methods.contains(.start) { add("before training", try setting.untrained()) }
        if methods.contains(.sync) { add("synchronous", try setting.synchronous()) }
        var base: [Float]?
        if methods.contains(.mesh) || methods.contains(.derivative) {
            let run = try mesh(setting)
            add("mesh", run)
            base = run.parameters
        }
        if methods.contains(.derivative), let base {
            let runs = try Threads.map(setting.sites.count) {
                try setting.derivative(site: $0, base: base, steps: derivativeSteps, peakShare: derivativeRate)
            }
            add("derivative, own language", ConvergenceRun.own(runs, after: setting.steps))
        }
        if methods.contains(.alone) {
            let runs = try Threads.map(setting.sites.count) { try setting.alone(site: $0) }
            add("alone, own language", ConvergenceRun.own(runs))
            add("alone, all languages", ConvergenceRun.everyLanguage(runs))
        }
    }

    private func mesh(_ setting: ConvergenceSetting) throws -> ConvergenceRun {
        if let meshModel {
            let trained = try TrainedMesh(
                model: meshModel, rounds: meshRounds, innerSteps: innerSteps, layout: setting.layout)
            return try setting.measured(
                trained, sentBytes: meshSent, receivedBytes: meshReceived, rounds: setting.steps / innerSteps)
        }
        return try setting.mesh(
            innerSteps: innerSteps, profile: kept == 0 ? .denseFloat32 : .topK(kept: kept, bits: bits),
            feedback: ErrorFeedback(decayQ16: UInt32((feedback * 65_536).rounded())),
            rule: AveragingRule(
                sendersMinimum: divisor ?? (setting.sites.count - 1) / 3 + 1,
                outerLearningRateQ16: UInt32((outerRate * 65_536).rounded())))
    }
}
