import ArgumentParser
import Crypto
import EventLoop
import Model
import Program

/// The embedded trainer. It sees the site's own text and never the network: weights come and go by the daemon's control
/// socket or by a directory.
@main
struct MeshTrain: Program {
    static func prepare() {
        if let core = MatrixKernels.betterCore { ProcessRestart.restart(setting: MatrixKernels.variable, to: core) }
        ProcessSignals.reportFileSizeLimitAsError()
        // It holds the site's text and the site's secret.
        if let failure = ProcessSecrecy.enter() { Output.note(failure) }
    }

    static let configuration = CommandConfiguration(
        commandName: "meshtrain",
        abstract: "Trains the embedded byte-level model on a directory of UTF-8 text.",
        discussion: """
            Exit status: 0 done; 1 an error that may pass; 64 usage; 65 the model, the text or the checkpoint cannot be \
            used; 70 the training diverged; 76 the daemon refuses the protocol or the contribution; 77 the daemon may not \
            take the data set. After 64 and above a restart does not help.
            """,
        subcommands: [
            InitCommand.self, EvaluateCommand.self, SoloCommand.self, RunCommand.self, DataSetsCommand.self,
            TokensCommand.self, ScoreCommand.self,
        ])
}
