import Gossip
import Ledger

/// Crashes at chosen points.
extension ScenarioRunner {
    /// Every point around a batch at which a member can crash, one cluster each.
    func crashAroundEveryBatch() -> [Scenario.Result] {
        points(batchCounts(options()), takesAll: false).map(crash)
    }

    /// A quiet cluster but for the one crash.
    func crash(at point: CrashPoint) -> Scenario.Result {
        let cluster = cluster(options())
        cluster.crashPoints = [point]
        return result(point.description, cluster)
    }

    /// The first view of height 1 fails, so that certificates of views matter; at some point everybody crashes, and a
    /// member that took part until then never says a word again.
    func allCrashAtOnceThenOneStaysSilent() -> [Scenario.Result] {
        let counts = batchCounts(options(), prepare: failFirstView)
        var results: [Scenario.Result] = []
        for (index, point) in points(counts, takesAll: true).enumerated() {
            let silent = index % nodes
            let options = options { $0.deadAfterHealing[silent] = true }
            let cluster = cluster(options)
            failFirstView(cluster)
            cluster.crashPoints = [point]
            results.append(result("\(point), then \(silent) stays silent", cluster, healsAtCrash: true))
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
    func batchCounts(_ options: ClusterOptions, prepare: (Cluster) -> Void = { _ in }) -> [Int] {
        let cluster = Cluster(options)
        prepare(cluster)
        _ = cluster.run()
        return cluster.sites.map(\.batchesAsked)
    }

    private func failFirstView(_ cluster: Cluster) {
        cluster.filter = { _, _, bytes in
            !RecordScan(bytes: bytes).proposals.contains { $0.body.height.value == 1 && $0.body.view == .first }
        }
    }

    /// Ends after the crash has come, however late: the cluster in which the batches were counted may have ended while
    /// its last one was on its way.
    private func result(_ name: String, _ cluster: Cluster, healsAtCrash: Bool = false) -> Scenario.Result {
        let cameAbout = cluster.run(until: SimulatedTime(milliseconds: 60_000)) { cluster.crashPoints.isEmpty }
        let outcome = cameAbout ? cluster.run(healsAtOnce: healsAtCrash) : cluster.outcome()
        return Scenario.Result(name: name, outcome: outcome, cameAbout: cameAbout)
    }
}
