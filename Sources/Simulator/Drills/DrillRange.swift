import Gossip
import Ledger

/// The worlds of one row of a drill, whose first members collude.
struct DrillRange {
    let members: Int
    let colluders: Int
    let worlds: Int

    var faultBound: Int { (members - 1) / 3 }
    var isPromised: Bool { colluders <= faultBound }
    var everybodyElse: Range<Int> { colluders..<members }

    /// - Parameters:
    ///   - guests: who is not of the first set and asks to be admitted: colluders too.
    ///   - change: what else is special.
    func make(
        _ behaviours: [ByzantineBehaviour], guests: Int = 0, _ change: (inout WorldOptions, inout FaultProfile) -> Void
    ) -> [World] {
        (0..<UInt64(worlds)).map { seed in
            var options = WorldOptions(nodes: members + guests, seed: seed)
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
            return World(options)
        }
    }

    func make(_ behaviours: [ByzantineBehaviour], guests: Int = 0) -> [World] {
        make(behaviours, guests: guests) { _, _ in }
    }

    /// Lets a world happen, whatever its oracles see, for so long or until `isDone`; every few milliseconds the colluders act.
    func play(
        _ world: World, milliseconds: UInt64, _ act: () -> Void = {}, until isDone: () -> Bool = { false }
    ) {
        let limit = world.now + 1_000 * milliseconds
        var next = world.now
        while world.now < limit, world.step() {
            guard world.now >= next else { continue }
            if isDone() { return }
            act()
            next = world.now + 20_000
        }
    }

    /// What honest members saw broken. Of a world in which the promise holds also what lies behind the attack: it ends, and
    /// everybody advances.
    func violations(_ world: World) -> [Violation] {
        isPromised ? world.run(healsAtOnce: true).violations : world.oracles.violations
    }

    /// Honest members' sites.
    func honest(_ world: World) -> [Site] { world.sites.filter(\.isHonest) }

    /// - Parameter isTried: see `Drill.Row`.
    func row(
        _ promise: Drill, _ attack: String, _ outcome: String, isKept: Bool, isTried: Bool = true,
        isPromised: Bool? = nil
    ) -> Drill.Row {
        Drill.Row(
            promise: promise, attack: attack, colluders: colluders, members: members, worlds: worlds, outcome: outcome,
            isTried: isTried, isKept: isKept, isPromised: isPromised ?? self.isPromised)
    }
}
