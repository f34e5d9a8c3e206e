import ArgumentParser
import Simulator

extension SwarmProfile: ExpressibleByArgument {}

/// `meshsim swarm`: random disasters for so many minutes.
struct SwarmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm",
        abstract: "Run random clusters of all sizes for some minutes and check every promise.",
        discussion: """
            Each seed is a mesh of its own: its size, its network, machines and trainers, what goes wrong with them, and \
            which members are Byzantine. After the faults all but a few must advance again. A failing seed is printed \
            with the line that runs it again.
            """)

    @Option(help: "How long new clusters are begun.")
    var minutes = 10.0

    @Option(help: "Threads, each with clusters of its own.")
    var workers = 2

    @Option(help: "The first seed.")
    var seedFrom: UInt64 = 0

    @Option(help: "short: 4 to 13 nodes; long: also 31 and 100.")
    var profile = SwarmProfile.short

    @Flag(help: "Print the totals as JSON.")
    var json = false

    @Option(help: "Stop after this many failing seeds.")
    var failures = 10

    func validate() throws {
        guard (1...256).contains(workers) else { throw ValidationError("--workers is 1 to 256, not \(workers)") }
        guard minutes > 0, minutes <= 100_000 else { throw ValidationError("--minutes is more than 0") }
        guard failures > 0 else { throw ValidationError("--failures is at least 1, not \(failures)") }
    }

    func run() throws {
        let start = ContinuousClock.now
        let profile = profile
        let runner = SeedRunner(
            seeds: seedFrom..<UInt64.max, deadline: start + .seconds(60 * minutes), workers: workers,
            failuresMaximum: failures, isQuiet: json
        ) { profile.options(seed: $0) }
        let totals = runner.run()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let report = TotalsReport(totals: totals, workers: workers, seconds: seconds)
        print(json ? try report.json : report.text)
        if !totals.failures.isEmpty { throw ExitCode(1) }
    }
}
