import Gossip
import Ledger

/// Members that contradict themselves, and what is known of it in the end.
extension Stage {
    /// Whoever equivocates is convicted by every honest member, and nobody else is: in a quiet world, and in one whose
    /// members crash and lose messages meanwhile.
    func equivocationIsProven() -> [Scenario.Result] {
        (0..<nodes).flatMap { culprit in
            [false, true].map { isRough in
                isConvicted(culprit, isRough: isRough)
            }
        }
    }

    /// In the first of some worlds in which both of its contributions are heard.
    private func isConvicted(_ culprit: Int, isRough: Bool) -> Scenario.Result {
        var result: Scenario.Result?
        for seed in 1...UInt64(8) where result?.cameAbout != true && result?.outcome.holds != false {
            let world = world(
                options(seed: seed) {
                    $0.byzantine[culprit] = [.equivocatesContributions]
                    guard isRough else { return }
                    $0.crashInterval = 700
                    $0.downMaximum = 500
                    $0.lossPercent = 10
                    $0.duplicationPercent = 10
                    $0.isOrdered = false
                })
            world.culprits = [culprit]
            let outcome = world.run()
            result = Scenario.Result(
                name: "member \(culprit)\(isRough ? ", rough" : "")", outcome: outcome,
                cameAbout: world.hasContradicted(culprit))
        }
        guard let result else { preconditionFailure("there is a first seed") }
        return result
    }
}
