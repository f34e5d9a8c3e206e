import ArgumentParser
import Program

/// Runs many nodes in simulated time and watches over what they promise.
@main
struct MeshSim: Program {
    static let configuration = CommandConfiguration(
        commandName: "meshsim",
        abstract: "Run the mesh's protocol in simulated clusters full of faults.",
        discussion: """
            Every cluster is a pure function of its seed: a failure is replayed by the line that is printed with it.
            """,
        subcommands: [SwarmCommand.self, CaptureDrill.self, Run.self, Scenarios.self, TraceDigest.self])
}
