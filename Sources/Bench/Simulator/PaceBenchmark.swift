import ArgumentParser
import Simulator

/// What members that are switched off cost the others, in simulated time: the same figures on every machine.
struct PaceBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pace",
        abstract: "Simulated time per version with f members down, against all members up.",
        discussion: """
            The bound is three times the mean with all members up, and one view timer for each leader that is down.
            """)

    @Option(help: "Sizes of the clusters, each measured by itself.")
    var nodes = [4, 7, 10, 16]

    @Option(help: "Versions to certify in each cluster, at least 1.")
    var heights: UInt64 = 24

    @Option(help: "The seed.")
    var seed: UInt64 = 0

    func validate() throws {
        guard !nodes.isEmpty, nodes.allSatisfy((4...100).contains) else {
            throw ValidationError("--nodes is 4 to 100")
        }
        guard heights >= 1 else { throw ValidationError("--heights is at least 1, not \(heights)") }
    }

    func run() throws {
        var isBroken = false
        for count in nodes {
            let pace = Pace(nodes: count, down: (count - 1) / 3, versions: heights, seed: seed)
            print(
                "pace_\(count)_nodes_\(pace.down)_down_ms_per_version \(pace.downMilliseconds)"
                    + "  up_ms_per_version \(pace.upMilliseconds)  limit_ms \(pace.limitMilliseconds)"
                    + "  dead_leaders \(pace.deadLeaders)  failed_views \(pace.failedViews)  versions \(pace.versions)")
            for violation in pace.violations.prefix(5) { print("  \(violation)") }
            if !pace.holds { isBroken = true }
        }
        if isBroken { throw ExitCode(1) }
    }
}
