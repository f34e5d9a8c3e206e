import ArgumentParser
import Simulator

/// `meshsim run`: seed after seed, until all hold or some do not.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a range of seeds and check every promise.")

    @OptionGroup var world: WorldArguments

    @Option(name: [.customLong("seeds"), .customLong("seed")], help: "Seeds, as 17, 0..<1000 or 0...999.")
    var seeds = SeedRange(argument: "0..<100")!

    @Option(help: "Threads, each with worlds of its own.")
    var workers = 2

    @Flag(help: "Print what happens in each world.")
    var trace = false

    @Flag(help: "Print the totals as JSON.")
    var json = false

    @Option(help: "Stop after this many failing seeds.")
    var failures = 10

    func validate() throws {
        guard (1...256).contains(workers) else { throw ValidationError("--workers is 1 to 256, not \(workers)") }
    }

    func run() throws {
        // Lines of several worlds at once would be unreadable.
        let count = trace ? 1 : min(workers, seeds.seeds.count)
        let (nodes, heights) = (world.nodes, world.heights)
        let line: @Sendable (String) -> Void = { print($0) }
        let runner = SeedRunner(
            seeds: seeds.seeds, workers: count, failuresMaximum: failures, isQuiet: json,
            print: trace ? line : nil
        ) { WorldArguments.options(nodes: nodes, heights: heights, seed: $0) }
        let start = ContinuousClock.now
        let totals = runner.run()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let report = TotalsReport(totals: totals, workers: count, seconds: seconds)
        print(json ? try report.json : report.text)
        if !totals.failures.isEmpty { throw ExitCode(1) }
    }
}
