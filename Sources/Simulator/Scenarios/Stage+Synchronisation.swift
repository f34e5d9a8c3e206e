import Gossip
import Ledger

/// Members that are away for so long that others have dropped what a replay would take.
extension Stage {
    /// Payloads are kept for four versions, and the others are twelve ahead.
    func farBehindNodeTakesParameters() -> [Scenario.Result] {
        (0..<nodes).map { lagging in
            farBehind(lagging, name: "member \(lagging)", options: farBehindOptions(seed: UInt64(lagging) + 1))
        }
    }

    /// The same, on a bad network, with the lagging member's power cut around every batch of its way back.
    func crashesOnTheWayToParameters() -> [Scenario.Result] {
        var results: [Scenario.Result] = []
        for batch in stride(from: 1, through: 24, by: sample) {
            for phase in CrashPoint.Phase.allCases {
                let lagging = batch % nodes
                results.append(
                    farBehind(
                        lagging, name: "member \(lagging), batch \(batch) \(phase)",
                        options: farBehindOptions(seed: UInt64(batch)),
                        crash: CrashPoint(member: lagging, batch: batch, phase: phase, takesAll: false)))
            }
        }
        return results
    }

    private func farBehindOptions(seed: UInt64) -> WorldOptions {
        var options = options(seed: seed, heights: 14) {
            $0.isOrdered = seed % 2 == 0
            $0.duplicationPercent = 10
            $0.trainingMaximum = 100
        }
        options.retentionVersions = 4
        return options
    }

    private func farBehind(
        _ lagging: Int, name: String, options: WorldOptions, crash: CrashPoint? = nil
    ) -> Scenario.Result {
        let world = world(options)
        world.filter = { from, to, _ in from != lagging && to != lagging }
        let isBehind = world.run(until: SimulatedTime(milliseconds: 120_000)) {
            world.sites.contains { $0.disk.height.value >= 12 }
        }
        let start = world.sites[world.bodies[lagging][0]].disk.height
        if let crash {
            let asked = world.sites[world.bodies[lagging][0]].batchesAsked
            world.crashPoints = [
                CrashPoint(
                    member: crash.member, batch: asked + crash.batch, phase: crash.phase, takesAll: crash.takesAll)
            ]
        }
        let outcome = world.run(healsAtOnce: true)
        let site = world.sites[world.bodies[lagging][0]]
        return Scenario.Result(
            name: name, outcome: outcome, cameAbout: isBehind && start == .genesis && site.jumps > 0)
    }
}
