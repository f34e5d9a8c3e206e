import Foundation
import Model

/// A mesh that real daemons and trainers have trained, in place of one that the bench trains itself.
struct TrainedMesh {
    let parameters: [Float]
    /// Mean of the sites' held-out losses, by steps.
    let points: [(step: Int, loss: Double)]

    /// One line of a trainer's `rounds.jsonl`.
    private struct Round: Decodable {
        let height: Int
        let heldOutLoss: Double?

        enum CodingKeys: String, CodingKey {
            case height
            case heldOutLoss = "held_out_loss"
        }
    }

    /// - Parameters:
    ///   - model: directory of the exported model.
    ///   - rounds: the sites' `rounds.jsonl`, one a site.
    ///   - innerSteps: local steps of a round.
    /// - Throws: what is wrong with a file, by its name; an error where the model is another than `layout`.
    init(model: String, rounds: [String], innerSteps: Int, layout: ModelLayout) throws {
        let (found, parameters) = try ModelDirectory.read(model)
        guard found.hash == layout.hash else {
            throw ConvergenceError("--mesh-model \(model) is not a model of this preset")
        }
        self.parameters = parameters
        var losses: [Int: [Double]] = [:]
        for path in rounds {
            // A round that was trained again after a restart counts once.
            var ofSite: [Int: Double] = [:]
            let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let round = try JSONDecoder().decode(Round.self, from: Data(line.utf8))
                if let loss = round.heldOutLoss { ofSite[round.height] = loss }
            }
            for (height, loss) in ofSite { losses[height, default: []].append(loss) }
        }
        points = losses.sorted { $0.key < $1.key }
            .filter { $0.value.count == rounds.count }
            .map { ($0.key * innerSteps, $0.value.reduce(0, +) / Double($0.value.count)) }
    }
}

struct ConvergenceError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension ConvergenceSetting {
    /// What the mesh reached, measured like every other method.
    func measured(_ mesh: TrainedMesh, sentBytes: Double, receivedBytes: Double, rounds: Int) throws -> ConvergenceRun {
        // The last base is measured again, on all held-out text.
        let curve = mesh.points.filter { $0.step < steps }.map { point in
            ConvergenceRun.Point(step: point.step, losses: sites.map { _ in point.loss })
        }
        return ConvergenceRun(
            parameters: mesh.parameters,
            curve: curve + [ConvergenceRun.Point(step: steps, losses: try losses(mesh.parameters))],
            sentBytes: sentBytes, receivedBytes: receivedBytes, rounds: rounds)
    }
}
