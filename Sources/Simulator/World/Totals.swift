/// What many seeds came to.
public struct Totals: Sendable {
    public private(set) var seeds: UInt64 = 0
    public private(set) var failedSeeds: [UInt64] = []
    public private(set) var heights: UInt64 = 0
    public private(set) var faults = FaultCounts()
    public private(set) var measures = Measures()
    public private(set) var signaturesVerified: UInt64 = 0

    public init() {}

    public mutating func add(_ outcome: Outcome) {
        seeds += 1
        if !outcome.holds { failedSeeds.append(outcome.seed) }
        heights += outcome.heights
        faults.add(outcome.faults)
        measures.merge(outcome.measures)
        signaturesVerified += outcome.signaturesVerified
    }
}
