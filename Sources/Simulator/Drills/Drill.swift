import Ledger

/// A promise of the mesh, and the strongest attack on it that colluding members mount in simulated worlds: as many as
/// the promise holds against, and one more.
///
/// A promise is a case here and a method in `Drill+Attacks.swift`.
public enum Drill: String, Sendable, CaseIterable {
    case rewrite
    case stall
    case dominate
    case censor

    /// One attack, run in some worlds.
    public struct Row: Sendable {
        public let promise: Drill
        public let attack: String
        public let colluders: Int
        public let members: Int
        public let worlds: Int
        /// What came of it, as it was measured.
        public let outcome: String
        /// Whether the promise was kept in every world.
        public let isKept: Bool

        /// Against so many it must be.
        public var isPromised: Bool { colluders <= (members - 1) / 3 }
        /// Whether the drill went as the protocol says: nobody promises anything against more than f.
        public var isAsPromised: Bool { isKept || !isPromised }
    }

    public var promise: String {
        switch self {
        case .rewrite: "no minority rewrites history"
        case .stall: "no minority stalls the chain"
        case .dominate: "no minority outweighs the others"
        case .censor: "no minority keeps a contribution out"
        }
    }

    /// With f colluders, and with f + 1.
    public func run(members: Int, worlds: Int) -> [Row] {
        let faultBound = (members - 1) / 3
        return [faultBound, faultBound + 1].map { colluders in
            let range = DrillRange(members: members, colluders: colluders, worlds: worlds)
            return switch self {
            case .rewrite: range.rewrite()
            case .stall: range.stall()
            case .dominate: range.dominate()
            case .censor: range.censor()
            }
        }
    }
}

/// The worlds of one drill.
struct DrillRange {
    let members: Int
    let colluders: Int
    let worlds: Int

    /// Worlds whose first members collude, with these behaviours.
    func make(
        _ behaviours: [ByzantineBehaviour], heights: UInt64 = 6, _ change: (inout FaultProfile) -> Void = { _ in }
    ) -> [World] {
        (0..<UInt64(worlds)).map { seed in
            var options = WorldOptions(nodes: members, seed: seed)
            options.heights = heights
            options.healingLimitMilliseconds = 60_000
            var faults = FaultProfile(members: members)
            for colluder in 0..<colluders { faults.byzantine[colluder] = behaviours }
            faults.trainingMaximum = 100
            change(&faults)
            options.faults = faults
            return World(options)
        }
    }

    func row(_ promise: Drill, _ attack: String, _ outcome: String, isKept: Bool) -> Drill.Row {
        Drill.Row(
            promise: promise, attack: attack, colluders: colluders, members: members, worlds: worlds, outcome: outcome,
            isKept: isKept)
    }
}
