import ArgumentParser
import Control
import Crypto
import Foundation
import Tensor

/// Version 0 of a model that is one tensor of small numbers: for measuring the mesh, not for training.
struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: "Writes a model of one tensor, to found a mesh with.")

    @Option(help: "How many parameters it has.")
    var parameters: Int
    @Option(help: "The model.safetensors to write.")
    var out: String

    func run() throws {
        guard (1...100_000_000).contains(parameters) else { throw ValidationError("1 to 100000000 parameters") }
        let layout = try ParameterLayout([("weights", [parameters])])
        let values = ParameterArray((0..<parameters).map { Float($0 % 97) / 97 })
        try SafetensorsFile.write(values, layout: layout, to: out)
    }
}

/// Hands one pseudo-gradient of random numbers over to each of several daemons, all at the same time.
struct SubmissionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hand-over", abstract: "Hands one random contribution over to each daemon, at once.",
        discussion: "Prints when the first and the last daemon had taken its one, in milliseconds since 1970.")

    @Option(help: "Control sockets, separated by commas.")
    var sockets: String

    func run() throws {
        let transfers = try sockets.split(separator: ",").enumerated().map { index, path in
            try Transfer(socket: String(path), seed: UInt64(index))
        }
        // What is handed over is at the daemons before the first of them may begin to announce.
        let finished = DispatchGroup()
        let outcomes = Outcomes()
        for transfer in transfers {
            finished.enter()
            Thread.detachNewThread {
                do {
                    try transfer.commit()
                    outcomes.add(.success(Date().timeIntervalSince1970))
                } catch {
                    outcomes.add(.failure(error))
                }
                finished.leave()
            }
        }
        finished.wait()
        let times = try outcomes.all.map { try $0.get() }.sorted()
        print(Int(times.first! * 1000), Int(times.last! * 1000))
    }

    /// What the threads report.
    private final class Outcomes: @unchecked Sendable {  // touched only while the lock is held
        private let lock = NSLock()
        private var outcomes: [Result<Double, any Error>] = []

        func add(_ outcome: Result<Double, any Error>) { lock.withLock { outcomes.append(outcome) } }

        var all: [Result<Double, any Error>] { lock.withLock { outcomes } }
    }

    /// A pseudo-gradient that a daemon has and was not told to use yet.
    private final class Transfer: @unchecked Sendable {  // used by one thread after the other
        private let client: ControlClient

        init(socket: String, seed: UInt64) throws {
            client = try ControlClient(path: socket, answerMilliseconds: 300_000)
            let attached = try client.call(
                TrainerAttach(
                    protocolVersion: ControlSchema.protocolVersion,
                    trainerDigest: DigestText(Digest(DigestDomain("mesh/bench"), []).description)!))
            let count = attached.layout.reduce(0) { $0 + $1.shape.reduce(1) { $0 * Int($1) } }
            _ = try client.call(
                TrainerContributeBegin(
                    base: attached.version, form: .delta, transfer: 1, bytes: Int64(4 * count)))
            var random = SeededRandom(simulationSeed: seed)
            let part = TensorFrame.limitBytes / 4
            for offset in stride(from: 0, to: count, by: part) {
                var bytes: [UInt8] = []
                for _ in 0..<min(part, count - offset) {
                    let value = Float(Int16(truncatingIfNeeded: random.next())) / 32_768 / 256
                    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
                }
                try client.send(
                    try TensorFrame(
                        transfer: 1, kind: .delta, tensorIndex: 0, offset: UInt64(offset), bytes: bytes
                    ).frame())
            }
        }

        func commit() throws {
            _ = try client.call(TrainerContributeCommit(transfer: 1, steps: 1, tokens: 1, loss: 1, datasets: []))
        }
    }
}
