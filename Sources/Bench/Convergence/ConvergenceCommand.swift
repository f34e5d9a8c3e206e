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

    enum Method: String, ExpressibleByArgument, CaseIterable {
        case start, sync, dense, shared, mesh, alone, derivative
    }

    @OptionGroup var options: ConvergenceOptions
    @Option(help: "How many seeds, from 1 on.") var seeds = 3
    @Option(help: "Methods, separated by commas: start (no training), sync, dense, shared, mesh, alone, derivative.")
    var methods = "sync,mesh,alone,derivative"
    @Option(help: "Local steps of a derivative.") var derivativeSteps = 60
    @Option(help: "Peak of a derivative's learning rates, as a share of the mesh's.") var derivativeRate = 0.3
    @Option(help: "Directory of a model that a mesh of these sites has trained, measured in place of one trained here.")
    var meshModel: String?
    @Option(help: "With --mesh-model: the sites' rounds.jsonl, for the curve; one a site.") var meshRounds: [String] =
        []
    @Option(help: "With --mesh-model: bytes of a site's own contributions.") var meshSent = 0.0
    @Option(help: "With --mesh-model: bytes that a site received, all counted.") var meshReceived = 0.0
    @Flag(help: "Print in words what the figures say to a site that may join.") var verdict = false
    @Option(help: "File for the report, as JSON.") var report: String?
    @Option(help: "File for the curves, as SVG.") var picture: String?

    func validate() throws {
        guard (1...10).contains(seeds) else { throw ValidationError("--seeds is 1 to 10") }
        guard derivativeSteps >= 1, (0...10).contains(derivativeRate) else {
            throw ValidationError("--derivative-steps is at least 1, --derivative-rate 0 to 10")
        }
        guard try !chosenMethods().contains(.shared) || options.kept > 0 else {
            throw ValidationError("--methods shared sends the largest coefficients: --kept must be at least 1")
        }
    }

    private func chosenMethods() throws -> [Method] {
        try methods.split(separator: ",").map {
            guard let method = Method(rawValue: String($0)) else {
                throw ValidationError(
                    "--methods: there is no '\($0)'; choose of start, sync, dense, shared, mesh, alone, derivative")
            }
            return method
        }
    }

    func run() throws {
        let sites = try options.sites()
        var table = ConvergenceTable(sites: sites.map(\.name))
        for seed in 1...UInt64(seeds) {
            try measure(options.setting(sites, seed: seed), into: &table)
        }
        print(table.text)
        if verdict, let words = table.verdict(derivativeSteps: derivativeSteps) { print("\n" + words) }
        if let report { try Data(table.json().utf8).write(to: URL(filePath: report), options: .atomic) }
        if let picture { try Data(table.picture.utf8).write(to: URL(filePath: picture), options: .atomic) }
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
        if methods.contains(.dense) { add("dense (DiLoCo)", try setting.dense(innerSteps: options.innerSteps)) }
        if methods.contains(.shared) {
            add("shared optimizer", try setting.shared(options.rules(siteCount: setting.sites.count)))
        }
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
                model: meshModel, rounds: meshRounds, innerSteps: options.innerSteps, layout: setting.layout)
            return try setting.measured(
                trained, sentBytes: meshSent, receivedBytes: meshReceived, rounds: setting.steps / options.innerSteps)
        }
        return try setting.mesh(options.rules(siteCount: setting.sites.count))
    }
}
