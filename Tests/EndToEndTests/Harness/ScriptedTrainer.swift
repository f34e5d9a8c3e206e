import Control
import Crypto
import Foundation
import System

/// A trainer without a model: hands over a pseudo-gradient drawn from a seed for each base that it is told of.
final class ScriptedTrainer: Sendable {
    private let isStopped = Guarded(false)
    private let handedOver = Guarded(0)
    private let failure = Guarded<String?>(nil)

    /// Contributions that the daemon took.
    var count: Int { handedOver.withLock { $0 } }
    var lastFailure: String? { failure.withLock { $0 } }

    /// Trains on its own thread until `stop`; a daemon that goes away is waited for.
    init(socket: String, seed: UInt64) {
        Thread.detachNewThread { [weak self] in
            while let self, !self.isStopped.withLock({ $0 }) {
                do {
                    try self.attach(socket, seed)
                } catch {
                    self.failure.withLock { $0 = "\(error)" }
                }
            }
        }
    }

    func stop() { isStopped.withLock { $0 = true } }

    /// What it says of itself.
    static let attach = TrainerAttach(
        protocolVersion: ControlSchema.protocolVersion,
        trainerDigest: DigestText(Digest(DigestDomain("test/trainer"), []).description)!)

    private func attach(_ socket: String, _ seed: UInt64) throws {
        let client = try DaemonClient.connect(to: socket, seconds: 1)
        let welcome = try client.request(ScriptedTrainer.attach)
        var height = welcome.height
        var base = welcome.version
        var isHandedOver = welcome.isHandedOver
        let counts = welcome.layout.map { $0.shape.reduce(1) { $0 * Int($1) } }
        while !isStopped.withLock({ $0 }) {
            if !isHandedOver {
                do {
                    _ = try ScriptedTrainer.submit(client, base: base, seed: seed &+ UInt64(height), counts: counts)
                    handedOver.withLock { $0 += 1 }
                } catch let refusal as ControlRefusal {
                    failure.withLock { $0 = "\(refusal)" }
                }
                isHandedOver = true
            }
            guard let version = try client.nextVersion(after: height, seconds: 0.2) else { continue }
            height = version.height
            base = version.version
            isHandedOver = false
        }
    }

    /// One contribution to one base.
    ///
    /// - Parameters:
    ///   - counts: elements of each tensor of the layout.
    ///   - largest: the largest magnitude of a value.
    static func submit(
        _ client: DaemonClient, base: DigestText, seed: UInt64, counts: [Int], largest: Float = 1.0 / 256,
        loss: Double? = 1.5, dataSets: [DigestText] = []
    ) throws -> ContributionCommitted {
        let transfer = Int64(seed % 1_000_000) + 1
        _ = try client.request(
            TrainerContributeBegin(base: base, form: .delta, transfer: transfer, bytes: Int64(4 * counts.reduce(0, +))))
        var random = SeededRandom(simulationSeed: seed)
        for (tensor, count) in counts.enumerated() {
            var offset = 0
            while offset < count {
                let part = min(1 << 18, count - offset)
                var bytes: [UInt8] = []
                bytes.reserveCapacity(4 * part)
                for _ in 0..<part {
                    let value = Float(Int16(truncatingIfNeeded: random.next())) / 32_768 * largest
                    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
                }
                try client.send(
                    TensorFrame(
                        transfer: UInt32(transfer), kind: .delta, tensorIndex: UInt32(tensor), offset: UInt64(offset),
                        bytes: bytes))
                offset += part
            }
        }
        return try client.request(
            TrainerContributeCommit(transfer: transfer, steps: 10, tokens: 1000, loss: loss, datasets: dataSets))
    }
}
