import Gossip
import Ledger

/// Losses of journals at chosen points, which the others must notice by themselves.
extension ScenarioRunner {
    /// Each member in turn loses all that it has, in the middle of a height.
    func journalIsLost() -> [Scenario.Result] {
        (0..<nodes).map { lost in
            let cluster = cluster(options(heights: 12))
            let isMet = cluster.run(until: SimulatedTime(milliseconds: 60_000)) {
                cluster.checkers.highestSigned(by: lost) >= 3
            }
            cluster.replaceDisk(of: cluster.sites[cluster.bodies[lost][0]], by: SimulatedDisk(), isDeclared: false)
            return result("member \(lost)", cluster, isMet, lost)
        }
    }

    /// A backup of an early version comes back when all others are far beyond it, or not far.
    func backupIsRestored() -> [Scenario.Result] {
        [1, 2, 4].map { distance in
            let cluster = cluster(options(heights: 12))
            let site = cluster.sites[cluster.bodies[0][0]]
            var isMet = cluster.run(until: SimulatedTime(milliseconds: 60_000)) { site.disk.height.value >= 1 }
            let backup = site.disk
            isMet =
                cluster.run(until: SimulatedTime(milliseconds: 60_000)) {
                    cluster.checkers.highestSigned(by: 0) > UInt64(1 + distance)
                } && isMet
            cluster.replaceDisk(of: site, by: backup, isDeclared: false)
            return result("\(distance) versions back", cluster, isMet, 0)
        }
    }

    private func result(_ name: String, _ cluster: Cluster, _ isMet: Bool, _ lost: Int) -> Scenario.Result {
        let outcome = cluster.run()
        return Scenario.Result(
            name: name, outcome: outcome, cameAbout: isMet && cluster.sites[cluster.bodies[lost][0]].abstentions > 0)
    }
}
