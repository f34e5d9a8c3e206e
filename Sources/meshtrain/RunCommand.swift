import ArgumentParser
import Control
import Crypto
import EventLoop
import Glibc
import Model
import System
import Tensor

/// Trains for the mesh.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Trains for the mesh, attached to a daemon by its trainer socket.",
        discussion: """
            Each round: fetch the certified base, train as many steps as the rules say, more if the round leaves time, and \
            hand over the difference. The learning rate and the batch come from the rules of the network. What is kept under --state (the \
            optimizer's moments, the position) survives a restart at any moment.
            """)

    @Option(help: "The daemon's trainer socket.") var socket: String
    @Option(help: "Directory with the config.json of the network's model.") var model: String
    @Option(help: "Directory of UTF-8 text. It never leaves this process.") var data: String
    @Option(
        help: "Train on no more than so many bytes of the text, 0 for all. What is held out stays the same.")
    var textLimit = 0
    @Option(help: "Directory for the checkpoint and rounds.jsonl; made where missing.") var state: String
    @Option(help: "What the site allows for this data set: open, restricted, local-only or private.")
    var mode = DataSetMode.localOnly
    @Option(
        help:
            "The name of this data set at this site, 1 to 64 of a-z, A-Z, 0-9 and ._-; its id in contributions follows from it."
    )
    var datasetName = "default"
    @Option(help: "The licence of the data set, for the site's own register.") var datasetLicence: String?
    @Option(help: "What the members learn of the training loss: rounded (to 0.01 nats per token) or off.")
    var reportLoss = LossReport.rounded
    @Option(help: "Stop when a version of this height is certified; go on for ever where not given.")
    var untilHeight: Int64?
    @Option(help: "Bytes of held-out text to measure each base on; 0 for none.") var evaluateBytes = 16_384
    @Option(help: "Write a checkpoint within a round every so many steps; at the end of it always.")
    var checkpointSteps = 100

    @Option(
        help:
            "Steps to train on, at most, while the next version is waited for; they count for the next contribution. Default: the steps of eight rounds; at most those of sixteen; 0 waits."
    )
    var stepsAhead: Int?

    func validate() throws {
        guard mode.allowsContribution else {
            throw ValidationError(
                "--mode private: a private data set serves derivatives only; it is not trained on for the mesh.")
        }
        guard DataSetRegister.isValidName(datasetName) else {
            throw ValidationError("--dataset-name takes 1 to 64 letters a-z and A-Z, digits, and . _ -")
        }
        guard (stepsAhead ?? 0) >= 0 else { throw ValidationError("--steps-ahead must not be negative.") }
        guard textLimit >= 0 else { throw ValidationError("--text-limit must not be negative.") }
        guard evaluateBytes >= 0, checkpointSteps > 0 else {
            throw ValidationError("--evaluate-bytes must not be negative, --checkpoint-steps must be positive.")
        }
    }

    /// Enters the data set into the site's register and gives the id that contributions name.
    private func registeredDataSet(_ dataSet: DataSet, _ secret: SiteSecret) throws -> Digest {
        var register = try DataSetRegister.load(from: state)
        let id = try register.enter(
            dataSet.files, name: datasetName, licence: datasetLicence, mode: mode.rawValue, secret: secret,
            now: time(nil))
        try register.store(in: state)
        Output.note("data set \(datasetName), id \(id.short); meshtrain datasets --state \(state) shows all")
        return id
    }

    func run() throws {
        try TrainerExit.reporting { try train() }
    }

    private func train() throws {
        // What it keeps is for its user alone.
        umask(0o077)
        let layout = ModelLayout(try ModelDirectory.readConfiguration(model))
        let dataSet = try DataSet(directory: data)
        dataSet.describe()
        try Folder.make(state, mode: 0o700)
        let secret = try SiteSecret.open(in: state)
        let session = MeshSession(
            layout: layout, dataSet: try registeredDataSet(dataSet, secret), reportsLoss: reportLoss == .rounded,
            batches: secret.batches,
            text: try dataSet.sampler(layout.configuration, limitBytes: textLimit == 0 ? nil : textLimit),
            heldOut: evaluateBytes == 0
                ? nil : try dataSet.heldOutLoss(layout.configuration, byteLimit: evaluateBytes),
            stateDirectory: state, checkpointSteps: checkpointSteps, stepsAhead: stepsAhead,
            untilHeight: untilHeight)
        // A daemon that is not there yet, restarts or catches up is waited for; a longer pause each time.
        var pauseMilliseconds: UInt32 = 100
        var lastReason = ""
        while true {
            let reason: String
            do {
                let daemon = try DaemonConnection(path: socket)
                let end = try session.serve(daemon) {
                    pauseMilliseconds = 100
                    lastReason = ""
                }
                switch end {
                case .lastRoundDone: return
                case .rulesChanged: continue
                }
            } catch LoopError.pathTooLong(let path, let limit) {
                throw ValidationError("--socket: \(LoopError.pathTooLong(path: path, limitBytes: limit))")
            } catch let error as LoopError {
                reason = error.description
            } catch let error as ControlClientError {
                reason = error.description
            } catch let refusal as ControlRefusal where TrainerExit(refusal.reason) == nil {
                reason = refusal.description
            }
            if reason != lastReason { Output.note("\(socket): \(reason); trying again") }
            lastReason = reason
            usleep(pauseMilliseconds * 1000)
            pauseMilliseconds = min(pauseMilliseconds * 2, 5000)
        }
    }
}

/// What a site tells the members of its training loss.
enum LossReport: String, ExpressibleByArgument, CaseIterable {
    /// To 0.01 nats per token.
    case rounded
    case off
}
