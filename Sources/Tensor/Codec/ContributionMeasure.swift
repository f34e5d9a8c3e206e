/// What a contribution amounts to: sums of squares of its decoded values, exact, in units of 2^-80.
///
/// Partial measures of disjoint segments merge by addition, in any order.
public struct ContributionMeasure: Hashable, Sendable {
    /// One sum a tensor, in the order of the layout.
    public private(set) var squareSums: [UInt128]

    /// The sum over all tensors, below `FixedPoint.squareSumLimit`.
    public private(set) var squareSum: UInt128 = 0

    public init(tensorCount: Int) { squareSums = Array(repeating: 0, count: tensorCount) }

    /// The norm that a contribution's record carries: the integer square root of the sum of squares, units of 2^-40.
    public var norm: UInt64 { FixedPoint.squareRoot(squareSum) }

    /// The norm of one tensor's part, units of 2^-40.
    public func norm(ofTensor tensor: Int) -> UInt64 { FixedPoint.squareRoot(squareSums[tensor]) }

    /// Adds another part.
    public mutating func merge(_ other: ContributionMeasure) throws(CodecError) {
        precondition(other.squareSums.count == squareSums.count)
        for tensor in squareSums.indices { try add(other.squareSums[tensor], toTensor: tensor) }
    }

    mutating func add(_ squares: UInt128, toTensor tensor: Int) throws(CodecError) {
        let (sum, overflow) = squareSum.addingReportingOverflow(squares)
        guard !overflow, sum < FixedPoint.squareSumLimit else { throw .normTooLarge }
        squareSum = sum
        squareSums[tensor] += squares
    }
}

extension SegmentDecoder {
    /// Decodes a segment in full, with every check, and adds up its squares: one job of validation.
    public func measure(segment: Int) throws(CodecError) -> ContributionMeasure {
        var measure = ContributionMeasure(tensorCount: contribution.layout.tensors.count)
        for index in contribution.layout.chunks(ofSegment: segment) {
            let squares = try chunk(index).squareSum
            try measure.add(squares, toTensor: contribution.layout.chunk(at: index).tensor)
        }
        return measure
    }
}

extension SegmentDecoder.Chunk {
    /// Sum of the squares of the values, below 2^112, in units of 2^-80.
    var squareSum: UInt128 {
        switch self {
        case .sparse(_, let levels, let unit):
            var squares = 0
            for level in levels { squares += Int(level) * Int(level) }
            return UInt128(unit) * UInt128(unit) * UInt128(squares)
        case .dense(let values):
            var sum: UInt128 = 0
            for value in values {
                let square = value.magnitude.multipliedFullWidth(by: value.magnitude)
                sum += UInt128(square.high) << 64 | UInt128(square.low)
            }
            return sum
        }
    }
}

extension Contribution {
    /// Decodes everything once with every check, and measures it.
    public func measure() throws(CodecError) -> ContributionMeasure {
        let decoder = SegmentDecoder(self)
        var measure = ContributionMeasure(tensorCount: layout.tensors.count)
        for segment in 0..<layout.segmentCount { try measure.merge(decoder.measure(segment: segment)) }
        return measure
    }

    /// The whole validation of a payload: `measure`, and the norm must be the one that its record claims.
    public func validate(claimedNorm: UInt64) throws(CodecError) -> ContributionMeasure {
        let measure = try measure()
        guard measure.norm == claimedNorm else {
            throw .normMismatch(claimed: claimedNorm, computed: measure.norm)
        }
        return measure
    }
}
