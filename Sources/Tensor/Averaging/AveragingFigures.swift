/// What an average made of each contribution: for people, and for the alarm about contributions that cancel each other.
///
/// Nothing is decided by it. It follows from the integers of both passes by IEEE operations in a fixed order, so every
/// node that averages a manifest gets the same figures, with any number of workers.
public struct AveragingFigures: Hashable, Sendable {
    /// One an entry, in the order of the manifest.
    public let entries: [Entry]
    /// Pairs of entries whose cosine is below -1/2, `first < second`, in ascending order; of more than
    /// `opposedPairsMaximum` the first ones.
    public let opposedPairs: [Pair]

    public static let opposedPairsMaximum = 4096

    public struct Entry: Hashable, Sendable {
        /// The share of the step that the entry has after near copies shared theirs, in millionths.
        public var sharedWeightMillionths: Int64
        /// The length that clipping left of the contribution (whole and tensor by tensor), in millionths of its own.
        public var clipFactorMillionths: Int64
        /// Cosine with the step; nil if one of the two is zero.
        public var stepCosineMillionths: Int64?
        /// The other entry with the largest cosine, the lowest place of several; nil if there is no other one, or if this
        /// contribution or all others are zero.
        public var nearest: Neighbour?
        /// The other entry with the smallest cosine, in the same way.
        public var farthest: Neighbour?

        public init(
            sharedWeightMillionths: Int64, clipFactorMillionths: Int64, stepCosineMillionths: Int64?,
            nearest: Neighbour?, farthest: Neighbour?
        ) {
            self.sharedWeightMillionths = sharedWeightMillionths
            self.clipFactorMillionths = clipFactorMillionths
            self.stepCosineMillionths = stepCosineMillionths
            self.nearest = nearest
            self.farthest = farthest
        }
    }

    public struct Neighbour: Hashable, Sendable {
        /// Its place in the manifest.
        public var entry: Int
        public var cosineMillionths: Int64

        public init(entry: Int, cosineMillionths: Int64) {
            self.entry = entry
            self.cosineMillionths = cosineMillionths
        }
    }

    public struct Pair: Hashable, Sendable {
        public var first: Int
        public var second: Int

        public init(first: Int, second: Int) {
            self.first = first
            self.second = second
        }
    }

    public init(entries: [Entry], opposedPairs: [Pair]) {
        self.entries = entries
        self.opposedPairs = opposedPairs
    }

    /// Of a version that lists nothing.
    public static let none = AveragingFigures(entries: [], opposedPairs: [])

    /// - Parameters:
    ///   - statistics: of all segments.
    ///   - plan: made from them.
    ///   - step: of all blocks.
    public init(statistics: AveragingStatistics, plan: AveragingPlan, step: StepStatistics) {
        let measures = statistics.measures
        let lengths = measures.map { Double($0.squareSum).squareRoot() }
        let stepLength = Double(step.squareSum).squareRoot()
        entries = measures.indices.map { entry in
            let others = measures.indices.filter { $0 != entry }.compactMap { other -> Neighbour? in
                AveragingFigures.cosineMillionths(
                    statistics.product(min(entry, other), max(entry, other)), lengths[entry], lengths[other]
                ).map { Neighbour(entry: other, cosineMillionths: $0) }
            }
            return Entry(
                sharedWeightMillionths: AveragingFigures.millionths(
                    Double(plan.sharedWeightsQ30[entry]) / Double(FixedPoint.oneQ30) / Double(measures.count)),
                clipFactorMillionths: AveragingFigures.clipFactorMillionths(
                    measures[entry], factorsQ30: plan.clipFactorsQ30[entry], length: lengths[entry]),
                stepCosineMillionths: AveragingFigures.cosineMillionths(
                    step.products[entry], lengths[entry], stepLength),
                nearest: AveragingFigures.best(others) { $0 > $1 }, farthest: AveragingFigures.best(others) { $0 < $1 })
        }
        var pairs: [Pair] = []
        for first in measures.indices {
            for second in measures.indices.dropFirst(first + 1)
            where pairs.count < AveragingFigures.opposedPairsMaximum && statistics.areOpposed(first, second) {
                pairs.append(Pair(first: first, second: second))
            }
        }
        opposedPairs = pairs
    }

    /// The first of the best.
    private static func best(_ others: [Neighbour], _ isBetter: (Int64, Int64) -> Bool) -> Neighbour? {
        others.reduce(nil) { best, other in
            best.map { isBetter(other.cosineMillionths, $0.cosineMillionths) } ?? true ? other : best
        }
    }

    /// The square root of the clipped sum of squares over that of the whole one; one for a contribution that is zero.
    private static func clipFactorMillionths(
        _ measure: ContributionMeasure, factorsQ30: [UInt32], length: Double
    ) -> Int64 {
        guard length > 0 else { return 1_000_000 }
        var clipped = 0.0
        for (factorQ30, squareSum) in zip(factorsQ30, measure.squareSums) {
            let factor = Double(factorQ30) / Double(FixedPoint.oneQ30)
            clipped += factor * factor * Double(squareSum)
        }
        return min(1_000_000, millionths(clipped.squareRoot() / length))
    }

    private static func cosineMillionths(_ product: Int128, _ length: Double, _ other: Double) -> Int64? {
        guard length > 0, other > 0 else { return nil }
        return min(1_000_000, max(-1_000_000, millionths(Double(product) / length / other)))
    }

    /// Rounded to the nearest, half away from zero.
    private static func millionths(_ value: Double) -> Int64 { Int64((value * 1_000_000).rounded()) }
}
