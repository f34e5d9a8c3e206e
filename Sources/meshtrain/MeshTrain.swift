import ArgumentParser
import Program

/// The embedded trainer. It sees the site's own text and never the network: weights come and go by the daemon's control
/// socket or by a directory.
@main
struct MeshTrain: Program {
    static let configuration = CommandConfiguration(
        commandName: "meshtrain",
        abstract: "Trains the embedded byte-level model on a directory of UTF-8 text.",
        subcommands: [InitCommand.self, EvaluateCommand.self, SoloCommand.self, RunCommand.self, TokensCommand.self])
}
