/// The numbers that peers compare: Int64 in units of 2^-40, magnitudes at most 2^50 (1024).
///
/// A contribution decodes to such numbers exactly, so norms, products and sums have one value everywhere.
public enum FixedPoint {
    /// Bits behind the binary point.
    public static let fractionBits = 40
    /// A value of this magnitude or more is refused as too large.
    public static let floatLimit: Float = 1024
    /// A value of this magnitude or more may become 1024 as a bfloat16.
    static let bfloat16Limit: Float = 1022
    /// Sums of squares, in units of 2^-80, stay below 2^120; more is refused as too large.
    public static let squareSumLimit = UInt128(1) << 120
    /// One, for weights and clip factors, which have 30 bits behind the point.
    public static let oneQ30: UInt32 = 1 << 30

    /// The integer square root: the largest number whose square is at most `value`.
    public static func squareRoot(_ value: UInt128) -> UInt64 {
        var root: UInt64 = 0
        var bit: UInt64 = 1 << 63
        while bit > 0 {
            let attempt = root | bit
            let square = attempt.multipliedFullWidth(by: attempt)
            if UInt128(square.high) << 64 | UInt128(square.low) <= value { root = attempt }
            bit >>= 1
        }
        return root
    }

    /// A norm in units of 2^-40 as an ordinary number, for people.
    public static func double(_ norm: UInt64) -> Double { Double(norm) / 1_099_511_627_776 }
}
