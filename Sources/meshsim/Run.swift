import ArgumentParser
import Foundation
import Simulator
import System

/// `meshsim run`: seed after seed, until all hold or some do not.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a range of seeds and check every promise.")

    @OptionGroup var cluster: ClusterArguments

    @Option(name: [.customLong("seeds"), .customLong("seed")], help: "Seeds, as 17, 0..<1000 or 0...999.")
    var seeds = SeedRange(argument: "0..<100")!

    @Option(help: "Threads, each with clusters of its own.")
    var workers = 2

    @Flag(help: "Print what happens in each cluster.")
    var trace = false

    @Flag(help: "Print the totals as JSON.")
    var json = false

    @Option(help: "Stop after this many failing seeds.")
    var failures = 10

    @Option(
        help: ArgumentHelp("Fail if a seed has another trace than this file has recorded.", valueName: "file")
    )
    var traces: String?

    @Option(help: ArgumentHelp("Write the digest of each seed's trace to this file.", valueName: "file"))
    var recordTraces: String?

    func validate() throws {
        guard (1...256).contains(workers) else { throw ValidationError("--workers is 1 to 256, not \(workers)") }
    }

    func run() throws {
        // Lines of several clusters at once would be unreadable.
        let count = trace ? 1 : min(workers, seeds.seeds.count)
        let (nodes, heights) = (cluster.nodes, cluster.heights)
        let recorded = try traces.map { try RecordedTraces(path: $0) }
        let digests = Guarded<[UInt64: String]>([:])
        let line: @Sendable (String) -> Void = { print($0) }
        let runner = SeedRunner(
            seeds: seeds.seeds, workers: count, failuresMaximum: failures, isQuiet: json,
            print: trace ? line : nil,
            ended: { outcome in digests.withLock { $0[outcome.seed] = outcome.traceDigest.description } },
            options: { ClusterArguments.options(nodes: nodes, heights: heights, seed: $0) })
        let start = ContinuousClock.now
        let totals = runner.run()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let report = TotalsReport(totals: totals, workers: count, seconds: seconds)
        print(json ? try report.json : report.text)
        let seen = digests.withLock { $0 }
        if let recordTraces {
            try RecordedTraces.text(seen).write(toFile: recordTraces, atomically: true, encoding: .utf8)
        }
        let changed = recorded?.changed(in: seen) ?? []
        if let recorded, !json {
            print("recorded traces: \(recorded.count(of: seen)), \(changed.count) changed")
            for seed in changed.prefix(10) { print("  seed \(seed) has another trace than recorded") }
        }
        if !totals.failures.isEmpty || !changed.isEmpty { throw ExitCode(1) }
    }
}
