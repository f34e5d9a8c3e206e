import Gossip
import Ledger

/// The clusters of one row of a drill, whose first members collude.
struct AttackSuite {
    let members: Int
    let colluders: Int
    let clusters: Int

    var faultBound: Int { (members - 1) / 3 }
    var isPromised: Bool { colluders <= faultBound }
    var everybodyElse: Range<Int> { colluders..<members }

    /// - Parameters:
    ///   - guests: who is not of the first set and asks to be admitted: colluders too.
    ///   - change: what else is special.
    func make(
        _ behaviours: [ByzantineBehaviour], guests: Int = 0,
        _ change: (inout ClusterOptions, inout FaultProfile) -> Void
    ) -> [Cluster] {
        (0..<UInt64(clusters)).map { seed in
            var options = ClusterOptions(nodes: members + guests, seed: seed)
            options.healingLimitMilliseconds = 60_000
            var faults = FaultProfile(members: members + guests)
            for colluder in 0..<colluders { faults.byzantine[colluder] = behaviours }
            for guest in members..<members + guests {
                faults.newcomers[guest] = true
                faults.byzantine[guest] = behaviours
            }
            faults.trainingMaximum = 100
            change(&options, &faults)
            options.faults = faults
            return Cluster(options)
        }
    }

    func make(_ behaviours: [ByzantineBehaviour], guests: Int = 0) -> [Cluster] {
        make(behaviours, guests: guests) { _, _ in }
    }

    /// Lets a cluster happen, whatever its checkers see, for so long or until `isDone`; every few milliseconds the
    /// colluders act.
    func play(
        _ cluster: Cluster, milliseconds: UInt64, _ act: () -> Void = {}, until isDone: () -> Bool = { false }
    ) {
        let limit = cluster.now + 1_000 * milliseconds
        var next = cluster.now
        while cluster.now < limit, cluster.step() {
            guard cluster.now >= next else { continue }
            if isDone() { return }
            act()
            next = cluster.now + 20_000
        }
    }

    /// What honest members saw broken. Of a cluster in which the promise holds also what lies behind the attack: it
    /// ends, and everybody advances.
    func violations(_ cluster: Cluster) -> [Violation] {
        isPromised ? cluster.run(healsAtOnce: true).violations : cluster.checkers.violations
    }

    /// Honest members' sites.
    func honest(_ cluster: Cluster) -> [Site] { cluster.sites.filter(\.isHonest) }

    /// - Parameter isTried: see `Drill.Row`.
    func row(
        _ promise: Drill, _ attack: String, _ outcome: String, isKept: Bool, isTried: Bool = true,
        isPromised: Bool? = nil
    ) -> Drill.Row {
        Drill.Row(
            promise: promise, attack: attack, colluders: colluders, members: members, clusters: clusters,
            outcome: outcome,
            isTried: isTried, isKept: isKept, isPromised: isPromised ?? self.isPromised)
    }
}
