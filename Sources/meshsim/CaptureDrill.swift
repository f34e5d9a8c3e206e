import ArgumentParser
import Simulator

/// `meshsim capture-drill`: what colluding members can and cannot do, shown by letting them try.
struct CaptureDrill: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture-drill",
        abstract: "Let f colluding members, one more, and as many as it takes, attack each promise.",
        discussion: """
            Every row is an attack that was really mounted in simulated clusters, and what was measured. What is promised \
            and was broken ends the command with status 1; what more members achieve is printed for what it is.
            """)

    @Option(help: "Members of each cluster, 4 to 31.")
    var nodes = 7

    @Option(help: "Clusters of each attack.")
    var clusters = 3

    @Option(help: "Only this promise: \(Drill.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: Drill?

    func validate() throws {
        guard (4...31).contains(nodes) else { throw ValidationError("--nodes is 4 to 31, not \(nodes)") }
        guard clusters >= 1 else { throw ValidationError("--clusters is at least 1, not \(clusters)") }
    }

    func run() throws {
        var failed = false
        for drill in only.map({ [$0] }) ?? Drill.allCases {
            print("\(drill.promise):")
            var attack = ""
            for row in drill.run(members: nodes, clusters: clusters) {
                if row.attack != attack { show(row.attack, indent: 2) }
                attack = row.attack
                show("\(row.colluders) of \(row.members)\(bound(row)): \(verdict(row)): \(row.outcome)", indent: 6)
                failed = failed || !row.isAsPromised
            }
        }
        if failed { throw ExitCode(1) }
    }

    /// Lines that a terminal holds.
    private func show(_ text: String, indent: Int) {
        var line = ""
        for word in text.split(separator: " ") {
            if indent + line.count + word.count >= 110 {
                print(String(repeating: " ", count: indent) + line)
                line = "  "
            }
            line += (line.isEmpty || line == "  " ? "" : " ") + word
        }
        print(String(repeating: " ", count: indent) + line)
    }

    private func bound(_ row: Drill.Row) -> String {
        switch row.colluders - (row.members - 1) / 3 {
        case 0: " (f)"
        case 1: " (f + 1)"
        default: ""
        }
    }

    private func verdict(_ row: Drill.Row) -> String {
        guard row.isTried else { return row.isPromised ? "NOT TRIED" : "not tried" }
        if row.isPromised { return row.isKept ? "held" : "BROKEN" }
        return row.isKept ? "not achieved" : "achieved"
    }
}

extension Drill: ExpressibleByArgument {}
