import ArgumentParser
import Simulator

/// `meshsim capture-drill`: what colluding members can and cannot do, shown by letting them try.
struct CaptureDrill: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture-drill",
        abstract: "Let f colluding members, and one more, attack each promise.",
        discussion: """
            Every row is an attack that was really mounted in simulated worlds, and what was measured. What f members \
            must not achieve ends the command with status 1; what one more achieves is printed for what it is.
            """)

    @Option(help: "Members of each world, 4 to 31.")
    var nodes = 7

    @Option(help: "Worlds of each attack.")
    var worlds = 20

    func validate() throws {
        guard (4...31).contains(nodes) else { throw ValidationError("--nodes is 4 to 31, not \(nodes)") }
        guard worlds >= 1 else { throw ValidationError("--worlds is at least 1, not \(worlds)") }
    }

    func run() throws {
        var failed = false
        for drill in Drill.allCases {
            print(drill.promise)
            for row in drill.run(members: nodes, worlds: worlds) {
                let bound = row.isPromised ? "f" : "f + 1, more than is promised for"
                let verdict =
                    row.isPromised ? (row.isKept ? "held" : "BROKEN") : (row.isKept ? "not achieved" : "achieved")
                print("  \(row.colluders) of \(row.members) (\(bound)): \(row.attack)")
                print("    \(verdict) in \(row.worlds) worlds: \(row.outcome)")
                failed = failed || !row.isAsPromised
            }
        }
        if failed { throw ExitCode(1) }
    }
}
