/// The lower weights of contributions that have few near ones, under `clip-nnm-gm` (Docs/averaging.md): nearest-neighbour
/// mixing, then a geometric median.
///
/// Sources: nearest-neighbour mixing, Allouah et al. 2023 (arXiv 2302.01772); geometric median by smoothed Weiszfeld
/// steps, Pillutla et al. 2022 (arXiv 1912.13445). Both only ever combine contributions linearly, by coefficients that
/// follow from the inner products of all pairs. So the second pass over the contributions needs nothing but weights.
///
/// Integers throughout: each division rounds down, and no step reads more than the exact statistics.
enum RobustWeights {
    static let weiszfeldSteps = 8
    /// Distances are at least this share of the largest one, so that no contribution takes all weight by lying nearest.
    static let leastDistanceShare: UInt64 = 1024

    /// - Parameters:
    ///   - clipFactorsQ30: of whole contributions.
    ///   - weightsQ30: of each contribution. None of them grows: a contribution that lies in the middle gains nothing by that,
    ///     and what a cap or a discount took away stays away.
    ///   - faulty: how many members may fail.
    static func lowered(
        _ weightsQ30: [UInt64], statistics: AveragingStatistics, clipFactorsQ30: [UInt32], faulty: Int
    ) -> [UInt64] {
        let products = clippedProducts(statistics, clipFactorsQ30)
        let neighbours = nearest(products, count: max(1, products.count - faulty))
        let shares = sharesQ30(products, neighbours)
        let shifted = zip(weightsQ30, shares).map { UInt128($0) * UInt128($1) }
        let total = shifted.reduce(0, +)
        let kept = weightsQ30.reduce(UInt128(0)) { $0 + UInt128($1) }
        guard total > 0 else { return weightsQ30 }
        // Below 2^12 entries of 2^42 times 2^30, times 2^54: scaled down before the product, not to leave 128 bits.
        let shift = max(0, total.bitWidth - total.leadingZeroBitCount - 64)
        return zip(shifted, weightsQ30).map { part, weight in
            min(weight, UInt64((part >> shift) * kept / max(1, total >> shift)))
        }
    }

    /// The inner products of the clipped contributions, all in one unit that keeps them below 2^61.
    private static func clippedProducts(_ statistics: AveragingStatistics, _ factors: [UInt32]) -> [[Int128]] {
        let squares = statistics.measures.map(\.squareSum)
        let largest = squares.max() ?? 0
        let shift = max(0, largest.bitWidth - largest.leadingZeroBitCount - 60)
        return squares.indices.map { row in
            squares.indices.map { column in
                let product =
                    row == column
                    ? Int128(squares[row]) : statistics.product(min(row, column), max(row, column))
                return ((product >> shift) * Int128(factors[row]) * Int128(factors[column])) >> 60
            }
        }
    }

    /// For each contribution those nearest to it, itself among them. Of equally near ones those that come next after it, the
    /// first following the last: so equal contributions keep equal weights.
    private static func nearest(_ products: [[Int128]], count: Int) -> [[Int]] {
        products.indices.map { row in
            let distances = products.indices.map { column in
                max(0, products[row][row] + products[column][column] - 2 * products[row][column])
            }
            let places = products.indices.map { ($0 - row + products.count) % products.count }
            let order = products.indices.sorted { (distances[$0], places[$0]) < (distances[$1], places[$1]) }
            return order.prefix(count).sorted()
        }
    }

    /// The share that each contribution has in the geometric median of the mixtures, in 2^30ths of the whole.
    private static func sharesQ30(_ products: [[Int128]], _ neighbours: [[Int]]) -> [UInt64] {
        let mixed = mixedProducts(products, neighbours)
        var shares = Array(repeating: Int128(1 << 30) / Int128(max(1, mixed.count)), count: mixed.count)
        for _ in 0..<weiszfeldSteps { shares = weiszfeldStep(shares, mixed) }
        var result = Array(repeating: UInt64(0), count: mixed.count)
        for (share, members) in zip(shares, neighbours) {
            for member in members { result[member] += UInt64(share) / UInt64(members.count) }
        }
        return result
    }

    /// The inner products of the mixtures (sums over neighbours), in a unit that keeps them below 2^41.
    private static func mixedProducts(_ products: [[Int128]], _ neighbours: [[Int]]) -> [[Int128]] {
        // Half of the double sum first: n^3 additions in all, not n^4.
        let half = products.map { row in neighbours.map { members in members.reduce(Int128(0)) { $0 + row[$1] } } }
        let full = neighbours.map { members in
            products.indices.map { column in members.reduce(Int128(0)) { $0 + half[$1][column] } }
        }
        let largest = full.indices.map { full[$0][$0].magnitude }.max() ?? 0
        let shift = max(0, largest.bitWidth - largest.leadingZeroBitCount - 40)
        return full.map { $0.map { $0 >> shift } }
    }

    /// Shares in inverse proportion to the distance from the present mean.
    private static func weiszfeldStep(_ shares: [Int128], _ mixed: [[Int128]]) -> [Int128] {
        let withMean = mixed.map { row in zip(row, shares).reduce(Int128(0)) { $0 + $1.0 * $1.1 } >> 30 }
        let meanSquare = zip(withMean, shares).reduce(Int128(0)) { $0 + $1.0 * $1.1 } >> 30
        let distances = mixed.indices.map { entry in
            FixedPoint.squareRoot(UInt128(max(0, mixed[entry][entry] - 2 * withMean[entry] + meanSquare)))
        }
        let least = max(1, (distances.max() ?? 0) / leastDistanceShare)
        let inverse = distances.map { (Int128(1) << 40) / Int128(max($0, least)) }
        let total = max(1, inverse.reduce(0, +))
        return inverse.map { ($0 << 30) / total }
    }
}
