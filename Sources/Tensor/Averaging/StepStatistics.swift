/// What the second pass over a manifest's contributions finds: how each of them lies to the step that was applied.
///
/// The step is the vector of sums before the outer learning rate, in units of 2^-40. All integers; statistics of disjoint
/// blocks merge by addition, in any order. With weights that a version can have (their sum is at most the number of
/// entries) the step is no longer than the longest contribution, so that no sum reaches 2^120; with others the sums saturate.
public struct StepStatistics: Hashable, Sendable {
    /// Inner product of each entry with the step, in units of 2^-80, in the order of the manifest.
    public private(set) var products: [Int128]
    /// Sum of squares of the step, in units of 2^-80.
    public private(set) var squareSum: UInt128 = 0

    public init(entryCount: Int) { products = Array(repeating: 0, count: entryCount) }

    /// Adds the statistics of other blocks of the same step.
    public mutating func merge(_ other: StepStatistics) {
        precondition(other.products.count == products.count)
        for entry in products.indices { add(other.products[entry], entry: entry) }
        add(square: other.squareSum)
    }

    /// Adds what one chunk of the step shows, once all entries were added to it.
    ///
    /// - Parameters:
    ///   - chunks: one an entry, in the order of the manifest.
    ///   - sums: the step, from the chunk's place in the block on: where the chunk's `first` coordinate lies.
    mutating func add(_ chunks: [SegmentDecoder.Chunk], sums: UnsafeBufferPointer<Int64>, first: Int) {
        for value in sums where value != 0 { add(square: UInt128(value.magnitude) * UInt128(value.magnitude)) }
        let range = first..<first + sums.count
        for (entry, chunk) in chunks.enumerated() {
            var sum: Int128 = 0
            switch chunk {
            case .sparse(let indices, let levels, let unit):
                for place in indices.indices where range.contains(Int(indices[place])) {
                    sum += Int128(levels[place]) * Int128(sums[Int(indices[place]) - first])
                }
                sum *= Int128(unit)
            case .dense(let values):
                for place in range { sum += Int128(values[place]) * Int128(sums[place - first]) }
            }
            add(sum, entry: entry)
        }
    }

    private mutating func add(_ product: Int128, entry: Int) {
        let (sum, isOverflow) = products[entry].addingReportingOverflow(product)
        products[entry] = isOverflow ? (product < 0 ? .min : .max) : sum
    }

    private mutating func add(square: UInt128) {
        let (sum, isOverflow) = squareSum.addingReportingOverflow(square)
        squareSum = isOverflow ? .max : sum
    }
}
