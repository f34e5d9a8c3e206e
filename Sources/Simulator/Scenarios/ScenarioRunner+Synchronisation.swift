import Gossip
import Ledger

/// Members that are away for so long that others have dropped what a replay would take.
extension ScenarioRunner {
    /// Payloads are kept for four versions, and the others are twelve ahead.
    func farBehindNodeTakesParameters() -> [Scenario.Result] {
        (0..<nodes).map { lagging in
            farBehind(lagging, name: "member \(lagging)", options: farBehindOptions(seed: UInt64(lagging) + 1))
        }
    }

    /// The same, on a network that loses and repeats messages until the member is back, with its power cut around every
    /// batch of its way.
    func crashesOnTheWayToParameters() -> [Scenario.Result] {
        var results: [Scenario.Result] = []
        for batch in stride(from: 1, through: 24, by: sample) {
            for phase in CrashPoint.Phase.allCases {
                let lagging = batch % nodes
                results.append(
                    farBehind(
                        lagging, name: "member \(lagging), batch \(batch) \(phase)",
                        options: farBehindOptions(seed: UInt64(batch), lossPercent: 5),
                        crash: CrashPoint(member: lagging, batch: batch, phase: phase, takesAll: false)))
            }
        }
        return results
    }

    private func farBehindOptions(seed: UInt64, lossPercent: UInt64 = 0) -> ClusterOptions {
        var options = options(seed: seed, heights: 14) {
            $0.isOrdered = seed % 2 == 0
            $0.lossPercent = lossPercent
            $0.duplicationPercent = 10
            // On a network that reorders messages the member learns of some four versions per second: rounds are
            // slower.
            $0.trainingMaximum = 500
        }
        options.retentionVersions = 4
        return options
    }

    private func farBehind(
        _ lagging: Int, name: String, options: ClusterOptions, crash: CrashPoint? = nil
    ) -> Scenario.Result {
        let cluster = cluster(options)
        cluster.filter = { from, to, _ in from != lagging && to != lagging }
        let isBehind = cluster.run(until: SimulatedTime(milliseconds: 120_000)) {
            cluster.sites.contains { $0.disk.height.value >= 12 }
        }
        let site = cluster.sites[cluster.bodies[lagging][0]]
        let start = site.disk.height
        var isBack = true
        if let crash {
            cluster.crashPoints = [
                CrashPoint(
                    member: crash.member, batch: site.batchesAsked + crash.batch, phase: crash.phase,
                    takesAll: crash.takesAll)
            ]
            cluster.filter = nil
            isBack = cluster.run(until: cluster.now + 120_000_000) {
                cluster.crashPoints.isEmpty && site.stateSyncs > 0
            }
        }
        let outcome = cluster.run(healsAtOnce: true)
        return Scenario.Result(
            name: name, outcome: outcome, cameAbout: isBehind && start == .genesis && isBack && site.stateSyncs > 0)
    }
}
