import ArgumentParser
import Simulator

/// `meshsim trace-digest`: one line that two processes can compare.
struct TraceDigest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace-digest", abstract: "Print the digest of everything that happens in a seed's world.")

    @OptionGroup var world: WorldArguments

    @Option(help: "The seed.")
    var seed: UInt64

    func run() {
        print(World(world.options(seed: seed)).run().traceDigest)
    }
}
