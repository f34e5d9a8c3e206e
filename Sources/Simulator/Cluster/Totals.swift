/// What many seeds came to.
public struct Totals: Sendable {
    public private(set) var seeds: UInt64 = 0
    public private(set) var seedsBySize: [Int: UInt64] = [:]
    public private(set) var failures: [Outcome] = []
    public private(set) var heights: UInt64 = 0
    public private(set) var faults = FaultCounts()
    public private(set) var measures = Measures()
    public private(set) var signaturesVerified: UInt64 = 0

    public init() {}

    public mutating func add(_ outcome: Outcome) {
        seeds += 1
        seedsBySize[outcome.nodes, default: 0] += 1
        if !outcome.holds { failures.append(outcome) }
        heights += outcome.heights
        faults.add(outcome.faults)
        measures.merge(outcome.measures)
        signaturesVerified += outcome.signaturesVerified
    }
}
