import Gossip
import Ledger

/// Members that contradict themselves, and what is known of it in the end.
extension ScenarioRunner {
    /// Whoever equivocates is convicted by every honest member, and nobody else is: in a quiet cluster, and in one
    /// whose members crash and lose messages meanwhile.
    func equivocationIsProven() -> [Scenario.Result] {
        (0..<nodes).flatMap { culprit in
            [false, true].map { isRough in
                isConvicted(culprit, isRough: isRough)
            }
        }
    }

    /// In the first of some clusters in which both of its contributions are heard.
    private func isConvicted(_ culprit: Int, isRough: Bool) -> Scenario.Result {
        var result: Scenario.Result?
        for seed in 1...UInt64(8) where result?.cameAbout != true && result?.outcome.holds != false {
            let cluster = cluster(
                options(seed: seed) {
                    $0.byzantine[culprit] = [.equivocatesContributions]
                    guard isRough else { return }
                    $0.crashInterval = 700
                    $0.downMaximum = 500
                    $0.lossPercent = 10
                    $0.duplicationPercent = 10
                    $0.isOrdered = false
                })
            cluster.culprits = [culprit]
            let outcome = cluster.run()
            result = Scenario.Result(
                name: "member \(culprit)\(isRough ? ", rough" : "")", outcome: outcome,
                cameAbout: cluster.hasContradicted(culprit))
        }
        guard let result else { preconditionFailure("there is a first seed") }
        return result
    }
}
