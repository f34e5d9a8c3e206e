import Gossip
import Ledger

/// Crashes at chosen points.
extension Stage {
    /// Every point around a batch at which a member can crash, one world each.
    func crashAroundEveryBatch() -> [Scenario.Result] {
        points(batchCounts(options()), takesAll: false).map(crash)
    }

    /// A quiet world but for the one crash.
    func crash(at point: CrashPoint) -> Scenario.Result {
        let world = world(options())
        world.crashPoints = [point]
        return result(point.description, world)
    }

    /// The first view of height 1 fails, so that certificates of views matter; at some point everybody crashes, and a
    /// member that took part until then never says a word again.
    func allCrashAtOnceThenOneStaysSilent() -> [Scenario.Result] {
        let counts = batchCounts(options(), prepare: failFirstView)
        var results: [Scenario.Result] = []
        for (index, point) in points(counts, takesAll: true).enumerated() {
            let silent = index % nodes
            let options = options { $0.deadAfterHealing[silent] = true }
            let world = world(options)
            failFirstView(world)
            world.crashPoints = [point]
            results.append(result("\(point), then \(silent) stays silent", world, healsAtCrash: true))
        }
        return results
    }

    private func points(_ counts: [Int], takesAll: Bool) -> [CrashPoint] {
        var points: [CrashPoint] = []
        for member in 0..<nodes {
            for batch in 1...max(1, counts[member]) {
                for phase in CrashPoint.Phase.allCases {
                    points.append(CrashPoint(member: member, batch: batch, phase: phase, takesAll: takesAll))
                }
            }
        }
        return stride(from: 0, to: points.count, by: sample).map { points[$0] }
    }

    /// How many batches each member asks for where nobody crashes.
    func batchCounts(_ options: WorldOptions, prepare: (World) -> Void = { _ in }) -> [Int] {
        let world = World(options)
        prepare(world)
        _ = world.run()
        return world.sites.map(\.batchesAsked)
    }

    private func failFirstView(_ world: World) {
        world.filter = { _, _, bytes in
            !RecordScan(bytes: bytes).proposals.contains { $0.body.height.value == 1 && $0.body.view == .first }
        }
    }

    /// Ends after the crash has come, however late: the world in which the batches were counted may have ended while its
    /// last one was on its way.
    private func result(_ name: String, _ world: World, healsAtCrash: Bool = false) -> Scenario.Result {
        let cameAbout = world.run(until: SimulatedTime(milliseconds: 60_000)) { world.crashPoints.isEmpty }
        let outcome = cameAbout ? world.run(healsAtOnce: healsAtCrash) : world.outcome()
        return Scenario.Result(name: name, outcome: outcome, cameAbout: cameAbout)
    }
}
