import ArgumentParser
import Crypto
import Program

/// The embedded trainer. It sees the site's own text and never the network: weights come and go by the daemon's control
/// socket or by a directory.
@main
struct MeshTrain: Program {
    static func prepare() {
        // It holds the site's text and the site's secret.
        if let failure = ProcessSecrecy.enter() { Output.note(failure) }
    }

    static let configuration = CommandConfiguration(
        commandName: "meshtrain",
        abstract: "Trains the embedded byte-level model on a directory of UTF-8 text.",
        subcommands: [
            InitCommand.self, EvaluateCommand.self, SoloCommand.self, RunCommand.self, DataSetsCommand.self,
            TokensCommand.self,
        ])
}
