import ArgumentParser
import Control
import Crypto
import EventLoop
import FoundationEssentials
import Glibc
import Model

/// Trains for the mesh.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Trains for the mesh, attached to a daemon by its trainer socket.",
        discussion: """
            Each round: fetch the certified base, train as many steps as the rules say, hand over the difference. The \
            learning rate and the batch come from the rules of the network. What is kept under --state (the \
            optimizer's moments, the position) survives a restart at any moment.
            """)

    @Option(help: "The daemon's trainer socket.") var socket: String
    @Option(help: "Directory with the config.json of the network's model.") var model: String
    @Option(help: "Directory of UTF-8 text. It never leaves this process.") var data: String
    @Option(help: "Directory for the checkpoint and rounds.jsonl; made where missing.") var state: String
    @Option(help: "What the site allows for this data set: open, restricted, local-only or private.")
    var mode = DataSetMode.localOnly
    @Option(help: "Stop when a version of this height is certified; go on for ever where not given.")
    var untilHeight: Int64?
    @Option(help: "Bytes of held-out text to measure each base on; 0 for none.") var evaluateBytes = 16_384
    @Option(help: "Write a checkpoint within a round every so many steps; at the end of it always.")
    var checkpointSteps = 100

    func validate() throws {
        guard mode.allowsContribution else {
            throw ValidationError(
                "--mode private: a private data set serves derivatives only; it is not trained on for the mesh.")
        }
        guard evaluateBytes >= 0, checkpointSteps > 0 else {
            throw ValidationError("--evaluate-bytes must not be negative, --checkpoint-steps must be positive.")
        }
    }

    func run() throws {
        let layout = ModelLayout(try ModelDirectory.readConfiguration(model))
        let dataSet = try DataSet(directory: data)
        dataSet.describe()
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let session = MeshSession(
            layout: layout, dataSet: dataSet, text: try dataSet.sampler(layout.configuration),
            heldOut: evaluateBytes == 0
                ? nil : try dataSet.heldOutLoss(layout.configuration, byteLimit: evaluateBytes),
            stateDirectory: state, checkpointSteps: checkpointSteps, untilHeight: untilHeight)
        // A daemon that is not there yet, restarts or catches up is waited for; a longer pause each time.
        var pauseMilliseconds: UInt32 = 100
        while true {
            do {
                let daemon = try DaemonConnection(path: socket)
                try session.serve(daemon) { pauseMilliseconds = 100 }
                return
            } catch let error as LoopError {
                Output.note("\(socket): \(error); trying again")
            } catch let error as ConnectionError {
                Output.note("\(socket): \(error); trying again")
            } catch let refusal as ControlRefusal where MeshSession.passes(refusal) {
                Output.note("\(socket): \(refusal.reason.rawValue), \(refusal.message); trying again")
            } catch let refusal as ControlRefusal {
                throw ValidationError("the daemon refuses: \(refusal.reason.rawValue), \(refusal.message)")
            }
            usleep(pauseMilliseconds * 1000)
            pauseMilliseconds = min(pauseMilliseconds * 2, 5000)
        }
    }
}
