import ArgumentParser
import Simulator

/// `meshsim trace-digest`: one line that two processes can compare.
struct TraceDigest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace-digest", abstract: "Print the digest of everything that happens in a seed's cluster.")

    @OptionGroup var cluster: ClusterArguments

    @Option(help: "The seed.")
    var seed: UInt64

    func run() {
        print(Cluster(cluster.options(seed: seed)).run().traceDigest)
    }
}
