/// What the first pass over a manifest's contributions finds: their measures, and the inner product of each pair.
///
/// All exact integers; statistics of disjoint segments merge by addition, in any order.
public struct AveragingStatistics: Hashable, Sendable {
    /// One per entry, in the order of the manifest.
    public private(set) var measures: [ContributionMeasure]
    /// Inner products in units of 2^-80, for (0, 1), (0, 2), ..., (1, 2), ...
    private var products: [Int128]

    public init(entryCount: Int, tensorCount: Int) {
        measures = Array(repeating: ContributionMeasure(tensorCount: tensorCount), count: entryCount)
        products = Array(repeating: 0, count: entryCount * max(entryCount - 1, 0) / 2)
    }

    private func place(_ first: Int, _ second: Int) -> Int {
        precondition(first < second && second < measures.count)
        return first * (2 * measures.count - first - 1) / 2 + second - first - 1
    }

    /// The inner product of two entries, `first < second`.
    public func product(_ first: Int, _ second: Int) -> Int128 { products[place(first, second)] }

    /// Adds the statistics of other segments of the same manifest.
    public mutating func merge(_ other: AveragingStatistics) throws(AveragingError) {
        precondition(other.measures.count == measures.count)
        for entry in measures.indices {
            do throws(CodecError) {
                try measures[entry].merge(other.measures[entry])
            } catch {
                throw .contribution(entry: entry, error)
            }
        }
        // Below the limit of the sums of squares (Cauchy-Schwarz), so these sums cannot overflow.
        for place in products.indices { products[place] += other.products[place] }
    }

    mutating func add(_ squares: UInt128, entry: Int, tensor: Int) throws(CodecError) {
        try measures[entry].add(squares, toTensor: tensor)
    }

    mutating func add(_ product: Int128, first: Int, second: Int) {
        products[place(first, second)] += product
    }

    /// Whether two entries are near copies: the cosine of their angle is above 0.9, decided exactly.
    ///
    /// `10 product > 9 |a| |b|`, squared; the sums of squares are below 2^120, so both sides fit 256 bits.
    public func areNearCopies(_ first: Int, _ second: Int) -> Bool {
        let product = product(min(first, second), max(first, second))
        return product > 0 && isCosine(product.magnitude, of: first, second, above: (9, 10))
    }

    /// Whether two entries largely cancel each other: the cosine of their angle is below -1/2, decided exactly.
    public func areOpposed(_ first: Int, _ second: Int) -> Bool {
        let product = product(min(first, second), max(first, second))
        return product < 0 && isCosine(product.magnitude, of: first, second, above: (1, 2))
    }

    private func isCosine(_ product: UInt128, of first: Int, _ second: Int, above ratio: (UInt128, UInt128)) -> Bool {
        let scaled = ratio.1 * product
        let left = scaled.multipliedFullWidth(by: scaled)
        let right = (ratio.0 * measures[first].squareSum)
            .multipliedFullWidth(by: ratio.0 * measures[second].squareSum)
        return (left.high, left.low) > (right.high, right.low)
    }
}
