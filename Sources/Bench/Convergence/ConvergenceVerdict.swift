import Foundation

extension ConvergenceTable {
    /// What the figures say to a site that may join; nil unless mesh, alone and derivative were measured.
    ///
    /// - Parameter derivativeSteps: local steps of a derivative.
    func verdict(derivativeSteps: Int) -> String? {
        guard let mesh = loss(of: "mesh"), let alone = loss(of: "alone, own language"),
            let derivative = loss(of: "derivative, own language"),
            let abroad = loss(of: "alone, all languages")
        else { return nil }
        var sentences = [
            "One model for all \(siteCount) languages: \(Self.number(mesh, 2)) nats per byte, where a model that one site trains "
                + "alone has \(Self.number(abroad, 2)) over the same languages."
        ]
        let change = 100 * (derivative / alone - 1)
        let steps = "\(derivativeSteps) more local steps of its own"
        switch change {
        case ..<(-1):
            sentences.append(
                "On its own language a site gains too: after \(steps) it has \(Self.number(derivative, 2)), "
                    + "\(Self.number(-change, 0)) % below the \(Self.number(alone, 2)) that it reaches alone at its best."
            )
        case 1...:
            sentences.append(
                "On its own language alone a site is better off without: after \(steps) it has "
                    + "\(Self.number(derivative, 2)), \(Self.number(change, 0)) % above the \(Self.number(alone, 2)) that it "
                    + "reaches alone at its best.")
        default:
            sentences.append(
                "On its own language a site has about the same either way: \(Self.number(derivative, 2)) after \(steps), "
                    + "\(Self.number(alone, 2)) alone at its best.")
        }
        if let bound = loss(of: "synchronous"), let share = bytesShare(of: "mesh", to: "synchronous") {
            sentences.append(
                "A data centre that holds all texts reaches \(Self.number(bound, 2)): the mesh is "
                    + "\(Self.number(100 * (mesh / bound - 1), 1)) % above that, for 1/\(Self.number(1 / share, 0)) of the bytes."
            )
        }
        return sentences.joined(separator: "\n")
    }
}
