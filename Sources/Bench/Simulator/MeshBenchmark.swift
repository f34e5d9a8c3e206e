import ArgumentParser
import Simulator

/// What a large mesh costs in the simulator: one calm cluster, on one core.
struct MeshBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh", abstract: "Time and memory of a large simulated mesh in which nothing fails.")

    @Option(help: "Members, 4 to 1000.")
    var nodes = 100

    @Option(help: "How many of them contribute to each version.")
    var contributors = 16

    @Option(help: "Versions to certify, at least 1.")
    var heights: UInt64 = 20

    @Option(help: "The seed.")
    var seed: UInt64 = 0

    func validate() throws {
        guard (4...1000).contains(nodes) else { throw ValidationError("--nodes is 4 to 1000, not \(nodes)") }
        guard (1...nodes).contains(contributors) else {
            throw ValidationError("--contributors is 1 to \(nodes), not \(contributors)")
        }
        guard heights >= 1 else { throw ValidationError("--heights is at least 1, not \(heights)") }
    }

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let cluster = Cluster(.calm(nodes: nodes, contributors: contributors, seed: seed))
        let outcome = cluster.run(versions: heights)
        let seconds = (clock.now - start) / .seconds(1)
        let usage = ProcessUsage.now
        print(
            "mesh_\(nodes)_nodes_\(contributors)_contributors_versions \(outcome.heights)"
                + "  user_seconds \(Int(usage.userSeconds))  wall_seconds \(Int(seconds))"
                + "  resident_mib \(usage.residentMebibytes)  occurrences \(outcome.measures.occurrences)"
                + "  messages \(outcome.measures.messages)  message_mib \(outcome.measures.messageBytes >> 20)"
                + "  message_bytes_maximum \(outcome.measures.messageBytesMaximum)"
                + "  actions_a_turn \(outcome.measures.effectsMaximum)  view \(outcome.measures.viewMaximum)"
                + "  simulated_ms \(outcome.duration.milliseconds)")
        for violation in outcome.violations.prefix(5) { print("  \(violation)") }
        if !outcome.holds { throw ExitCode(1) }
    }
}
