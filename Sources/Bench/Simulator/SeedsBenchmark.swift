import ArgumentParser
import Simulator

/// How many random clusters a core checks in an hour.
struct SeedsBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seeds", abstract: "Seeds of the simulator an hour and core, by the core's own time.")

    @Option(help: "Sizes of the clusters, each measured by itself.")
    var nodes = [4, 7]

    @Option(help: "Seeds of each size, from 0 on.")
    var seeds: UInt64 = 100

    func validate() throws {
        guard !nodes.isEmpty, nodes.allSatisfy((4...100).contains) else {
            throw ValidationError("--nodes is 4 to 100")
        }
        guard seeds > 0 else { throw ValidationError("--seeds is at least 1") }
    }

    func run() throws {
        for count in nodes {
            let before = ProcessUsage.now
            var failed = 0
            for seed in 0..<seeds where !Cluster(ClusterOptions(nodes: count, seed: seed)).run().holds { failed += 1 }
            let seconds = ProcessUsage.now.userSeconds - before.userSeconds
            print(
                "simulator_\(count)_nodes_seeds_per_core_hour \(Int(3600 * Double(seeds) / seconds))"
                    + "  seeds \(seeds)  failed \(failed)")
        }
    }
}
