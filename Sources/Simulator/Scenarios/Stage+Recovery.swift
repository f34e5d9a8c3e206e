import Gossip
import Ledger

/// Losses of journals at chosen points, which the others must notice by themselves.
extension Stage {
    /// Each member in turn loses all that it has, in the middle of a height.
    func journalIsLost() -> [Scenario.Result] {
        (0..<nodes).map { lost in
            let world = world(options(heights: 12))
            let isMet = world.run(until: SimulatedTime(milliseconds: 60_000)) {
                world.oracles.highestSigned(by: lost) >= 3
            }
            world.replaceDisk(of: world.sites[world.bodies[lost][0]], by: SimulatedDisk(), isDeclared: false)
            return result("member \(lost)", world, isMet, lost)
        }
    }

    /// A backup of an early version comes back when all others are far beyond it, or not far.
    func backupIsRestored() -> [Scenario.Result] {
        [1, 2, 4].map { distance in
            let world = world(options(heights: 12))
            let site = world.sites[world.bodies[0][0]]
            var isMet = world.run(until: SimulatedTime(milliseconds: 60_000)) { site.disk.height.value >= 1 }
            let backup = site.disk
            isMet =
                world.run(until: SimulatedTime(milliseconds: 60_000)) {
                    world.oracles.highestSigned(by: 0) > UInt64(1 + distance)
                } && isMet
            world.replaceDisk(of: site, by: backup, isDeclared: false)
            return result("\(distance) versions back", world, isMet, 0)
        }
    }

    private func result(_ name: String, _ world: World, _ isMet: Bool, _ lost: Int) -> Scenario.Result {
        let outcome = world.run()
        return Scenario.Result(
            name: name, outcome: outcome, cameAbout: isMet && world.sites[world.bodies[lost][0]].abstentions > 0)
    }
}
