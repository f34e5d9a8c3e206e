import Gossip
import Ledger

/// Leaders that break a rule of proposing, on a network on which views fail: no honest member goes along.
extension ScenarioRunner {
    /// Proposals that claim what was never notarized, or pass over what was.
    func leaderProposesUnjustified() -> [Scenario.Result] {
        attacks([.reproposesUnjustified], showing: .reproposesUnjustified) {
            $0.mutedKinds = [.finalization]
            $0.mutedPercent = 100
            $0.chaosMaximum = 3_000
        }
    }

    /// Proposals that leave out what their own ready records ask for.
    func leaderLeavesSlotsOut() -> [Scenario.Result] { attacks([.censors], showing: .censors) }

    /// Entries under availability certificates whose signatures are none.
    func leaderListsUnavailable() -> [Scenario.Result] {
        attacks([.listsUnavailable, .forgesCertificates], showing: .listsUnavailable)
    }

    func attacks(
        _ behaviours: [ByzantineBehaviour], showing behaviour: ByzantineBehaviour,
        _ change: @escaping (inout FaultProfile) -> Void = { _ in }
    ) -> [Scenario.Result] {
        stride(from: 0, to: nodes, by: sample).map { colluder in
            attack(by: colluder, behaviours, showing: behaviour, change)
        }
    }

    /// In the first of some clusters in which the member has the lead when it matters.
    private func attack(
        by colluder: Int, _ behaviours: [ByzantineBehaviour], showing behaviour: ByzantineBehaviour,
        _ change: (inout FaultProfile) -> Void
    ) -> Scenario.Result {
        var result: Scenario.Result?
        for seed in 1...UInt64(8) where result?.cameAbout != true && result?.outcome.holds != false {
            let outcome = cluster(
                options(seed: seed) {
                    $0.byzantine[colluder] = behaviours
                    change(&$0)
                }
            ).run()
            result = Scenario.Result(
                name: "member \(colluder)", outcome: outcome, cameAbout: outcome.faults[behaviour] > 0)
        }
        guard let result else { preconditionFailure("there is a first seed") }
        return result
    }
}
