import ArgumentParser
import Simulator

extension Scenario: ExpressibleByArgument {}

/// `meshsim scenarios`: the directed schedules.
struct Scenarios: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the directed schedules that random seeds rarely find.")

    @OptionGroup var cluster: ClusterArguments

    @Option(help: "One scenario instead of all.")
    var only: Scenario?

    @Option(help: "Of the schedules that a scenario enumerates, run every this many.")
    var sample = 1

    @Flag(help: "Print what happens in each cluster.")
    var trace = false

    func validate() throws {
        guard sample >= 1 else { throw ValidationError("--sample is at least 1, not \(sample)") }
    }

    func run() throws {
        var failed = 0
        for scenario in only.map({ [$0] }) ?? Scenario.allCases {
            let results = scenario.run(nodes: cluster.nodes, sample: sample, print: trace ? { print($0) } : nil)
            let bad = results.filter { !$0.outcome.holds || !$0.cameAbout }
            failed += bad.count
            print("\(scenario.rawValue): \(results.count) clusters, \(bad.count) failed")
            for result in bad {
                print("  \(result.name)\(result.cameAbout ? "" : ": the schedule did not come about")")
                for violation in result.outcome.violations.prefix(5) { print("    \(violation)") }
            }
        }
        if failed > 0 { throw ExitCode(1) }
    }
}
