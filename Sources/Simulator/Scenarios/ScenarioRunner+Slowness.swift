import Gossip
import Ledger

/// Members that are late, idle or slow.
extension ScenarioRunner {
    /// A member is cut off until the others are six versions ahead.
    func laggingNodeReplays() -> [Scenario.Result] {
        (0..<nodes).map { lagging in
            let cluster = cluster(options(heights: 8))
            cluster.filter = { from, to, _ in from != lagging && to != lagging }
            var wasBehind = false
            _ = cluster.run(until: SimulatedTime(milliseconds: 60_000)) {
                wasBehind =
                    cluster.sites[lagging].disk.height == .genesis
                    && cluster.sites.contains {
                        $0.disk.height.value >= 6
                    }
                return wasBehind
            }
            let outcome = cluster.run(healsAtOnce: true)
            return Scenario.Result(name: "member \(lagging)", outcome: outcome, cameAbout: wasBehind)
        }
    }

    /// Nobody contributes for more than a thousand deadlines of a round, then everybody does.
    func trainersIdleForThousandsOfDeadlines() -> [Scenario.Result] {
        let deadline = ClusterOptions.quickTiming.roundDeadline
        var options = options(heights: 3) {
            $0.trainingMinimum = 1_500 * deadline
            $0.trainingMaximum = 1_501 * deadline
            $0.chaosMaximum = 1_490 * deadline
        }
        options.healingLimitMilliseconds = 4_000 * deadline
        let outcome = cluster(options).run()
        return [
            Scenario.Result(
                name: "1500 deadlines", outcome: outcome,
                cameAbout: outcome.duration.milliseconds > 1_500 * deadline)
        ]
    }

    /// Averaging takes several times as long as the first view.
    func replayTakesLongerThanAView() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let cluster = cluster(
                options(seed: seed) {
                    $0.averagingMinimum = 2_000_000
                    $0.averagingMaximum = 3_000_000
                })
            let outcome = cluster.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: outcome.measures.viewMaximum > 1)
        }
    }

    /// A single member trains: its contributions alone move the chain, at the pace of the deadline.
    func authorIsTheOnlyTrainer() -> [Scenario.Result] {
        (0..<nodes).map { author in
            let cluster = cluster(
                options { faults in
                    faults.absentTrainers = (0..<nodes).map { $0 != author }
                })
            let outcome = cluster.run()
            let isAlone = cluster.checkers.versions.values.allSatisfy { $0.manifest.count == 1 }
            return Scenario.Result(name: "member \(author)", outcome: outcome, cameAbout: isAlone)
        }
    }
}
