import ArgumentParser
import Simulator

/// What every command needs to know about the clusters that it makes.
struct ClusterArguments: ParsableArguments {
    @Option(help: "Members of each cluster, 4 to 100.")
    var nodes = 4

    @Option(help: "Versions that a cluster certifies at least, 3 to 1000.")
    var heights: UInt64 = 5

    func validate() throws {
        guard (4...100).contains(nodes) else { throw ValidationError("--nodes is 4 to 100, not \(nodes)") }
        guard (3...1000).contains(heights) else { throw ValidationError("--heights is 3 to 1000, not \(heights)") }
    }

    func options(seed: UInt64) -> ClusterOptions {
        ClusterArguments.options(nodes: nodes, heights: heights, seed: seed)
    }

    static func options(nodes: Int, heights: UInt64, seed: UInt64) -> ClusterOptions {
        var options = ClusterOptions(nodes: nodes, seed: seed)
        options.heights = heights
        return options
    }
}
