import Foundation

extension ConvergenceTable {
    /// What the figures say to a site that may join; nil unless mesh, alone and derivative were measured.
    ///
    /// - Parameter derivativeSteps: local steps of a derivative.
    func verdict(derivativeSteps: Int) -> String? {
        guard let mesh = loss(of: "mesh"), let alone = loss(of: "alone, own language"),
            let derivative = loss(of: "derivative, own language"), let abroad = loss(of: "alone, all languages")
        else { return nil }
        func two(_ value: Double) -> String { Self.number(value, 2) }
        var sentences = [
            "All languages: the mesh's one model has \(two(mesh)) nats per byte, the mean over \(siteCount). "
                + (mesh < abroad
                    ? "A model that one site trains alone has \(two(abroad))."
                    : "That is no better than the \(two(abroad)) of a model that one site trains alone.")
        ]
        let change = 100 * (derivative / alone - 1)
        let reached = "after \(derivativeSteps) more local steps of its own a site has \(two(derivative))"
        let bound = "the \(two(alone)) that it reaches alone at its best"
        switch change {
        case ..<(-1):
            sentences.append(
                "Own language: \(reached), \(Self.number(-change, 0)) % below \(bound) (means over the sites).")
        case 1...:
            sentences.append(
                "Own language: a site is better off alone; \(reached), \(Self.number(change, 0)) % above \(bound) "
                    + "(means over the sites).")
        default:
            sentences.append(
                "Own language: about the same either way; \(reached), beside \(bound) (means over the sites).")
        }
        if let bound = loss(of: "synchronous"), let share = bytesShare(of: "mesh", to: "synchronous") {
            sentences.append(
                "A data centre that holds all texts reaches \(two(bound)) in as many steps: the mesh is "
                    + "\(Self.number(abs(100 * (mesh / bound - 1)), 1)) % \(mesh < bound ? "below" : "above") that, and a site received "
                    + "1/\(Self.number(1 / share, 0)) of the bytes that a ring of float32 gradients takes.")
        }
        return sentences.joined(separator: "\n")
    }
}
