/// What the second pass multiplies each contribution's tensors with: weight, clipping, copies and divisor, in one number.
///
/// A pure function of statistics and weights (Docs/averaging.md): every node that averages a manifest gets this plan.
public struct AveragingPlan: Hashable, Sendable {
    public let rule: AveragingRule
    /// One row an entry, one number a tensor, in 2^30ths of one. The division by `divisor` is in it.
    public let multipliersQ30: [[UInt64]]
    /// What every sum is divided by at least: the rule's minimum; where every entry sends every coordinate, the number of
    /// entries if that is more.
    public let divisor: Int
    /// The weight of each entry after near copies shared theirs and the method lowered them, in 2^30ths: for people and
    /// reports.
    public let sharedWeightsQ30: [UInt64]
    /// One row an entry, one clip factor a tensor, in 2^30ths: for people and reports.
    public let clipFactorsQ30: [[UInt32]]

    /// - Parameters:
    ///   - statistics: of all segments.
    ///   - weightsQ30: one an entry. A version's add up to at most as many times one as it has entries, which is a few
    ///     times the rule's least number of senders.
    ///   - isDense: whether every entry sends every coordinate.
    public init(statistics: AveragingStatistics, weightsQ30: [UInt64], rule: AveragingRule, isDense: Bool) {
        let entries = statistics.measures.indices
        precondition(weightsQ30.count == entries.count)
        let total = weightsQ30.reduce(UInt128(0)) { $0 + UInt128($1) }
        precondition(total <= UInt128(rule.sendersMinimum) << 40, "sums stay below 2^60")
        self.rule = rule
        let whole = Self.clipFactorsQ30(statistics.measures.map(\.norm))
        var shared = Self.shareWeights(statistics: statistics, weightsQ30: weightsQ30)
        if rule.method == .geometricMedian {
            shared = RobustWeights.lowered(
                shared, statistics: statistics, clipFactorsQ30: whole, faulty: rule.sendersMinimum - 1)
        }
        sharedWeightsQ30 = shared
        divisor = isDense ? max(rule.sendersMinimum, entries.count) : rule.sendersMinimum
        let tensorCount = statistics.measures.first?.squareSums.count ?? 0
        var multipliers = Array(repeating: [UInt64](), count: entries.count)
        var clipFactors = Array(repeating: [UInt32](), count: entries.count)
        for tensor in 0..<tensorCount {
            let factors = Self.clipFactorsQ30(statistics.measures.map { $0.norm(ofTensor: tensor) })
            for entry in entries {
                let factor = min(whole[entry], factors[entry])
                clipFactors[entry].append(factor)
                multipliers[entry].append(
                    UInt64(((UInt128(shared[entry]) * UInt128(factor)) >> 30) / UInt128(divisor)))
            }
        }
        multipliersQ30 = multipliers
        clipFactorsQ30 = clipFactors
    }

    /// Factors that bring each norm down to the lower median of all: the element at (n - 1) / 2 in ascending order.
    static func clipFactorsQ30(_ norms: [UInt64]) -> [UInt32] {
        guard !norms.isEmpty else { return [] }
        let median = norms.sorted()[(norms.count - 1) / 2]
        return norms.map { norm in
            norm <= median ? FixedPoint.oneQ30 : UInt32((UInt128(median) << 30) / UInt128(norm))
        }
    }

    /// Entries that are linked by near-copy pairs, directly or through others, share the largest weight among them, in
    /// proportion to their own.
    static func shareWeights(statistics: AveragingStatistics, weightsQ30: [UInt64]) -> [UInt64] {
        var group = Array(weightsQ30.indices)
        for second in group.indices {
            for first in 0..<second where group[first] != group[second] && statistics.areNearCopies(first, second) {
                let (kept, merged) = (min(group[first], group[second]), max(group[first], group[second]))
                for entry in group.indices where group[entry] == merged { group[entry] = kept }
            }
        }
        var largest = Array(repeating: UInt64(0), count: group.count)
        var total = Array(repeating: UInt128(0), count: group.count)
        for (entry, root) in group.enumerated() {
            largest[root] = max(largest[root], weightsQ30[entry])
            total[root] += UInt128(weightsQ30[entry])
        }
        return group.enumerated().map { entry, root in
            total[root] == 0 ? 0 : UInt64(UInt128(weightsQ30[entry]) * UInt128(largest[root]) / total[root])
        }
    }
}
