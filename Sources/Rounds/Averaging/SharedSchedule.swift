import Ledger

/// The learning rate of a shared optimizer, the same bits on every machine: it warms up linearly to the peak and falls along a half
/// cosine to a tenth of it.
///
/// Only IEEE 754 addition, multiplication and division in a fixed order, and one rounding to billionths: the cosine of a
/// mathematics library differs from one to the next.
public enum SharedSchedule {
    private static let finalFraction = 0.1
    /// 1 / (2 k + 1)! with alternating signs, k = 0 to 9: Taylor's series of the sine, exact to 1e-14 up to a quarter turn.
    private static let sineCoefficients: [Double] = [
        1, -6, 120, -5_040, 362_880, -39_916_800, 6_227_020_800, -1_307_674_368_000, 355_687_428_096_000,
        -121_645_100_408_832_000,
    ].map { 1 / $0 }

    /// The rate of a version's step, in billionths.
    ///
    /// - Parameter stepsBefore: the steps behind the state; the version's are those up to `stepsBefore + innerSteps`, and its last
    ///   one gives the rate.
    public static func rateNano(_ rules: Rules, stepsBefore: Int) -> UInt32 {
        let peak = Double(rules.innerLearningRateNano)
        let (warmup, horizon) = (Int(rules.warmupSteps), Int(rules.scheduleSteps))
        let step = stepsBefore + Int(rules.innerSteps) - 1
        if step < warmup { return UInt32((peak * Double(step + 1) / Double(warmup)).rounded()) }
        guard step < horizon else { return UInt32((peak * finalFraction).rounded()) }
        let progress = Double(step - warmup) / Double(horizon - warmup)
        // cos(pi p) = -sin(pi (p - 1/2))
        let half = 0.5 * (1 - sine((progress - 0.5) * .pi))
        return UInt32((peak * (finalFraction + (1 - finalFraction) * half)).rounded())
    }

    /// For angles up to a quarter turn in both directions.
    private static func sine(_ angle: Double) -> Double {
        let square = angle * angle
        var sum = 0.0
        for coefficient in sineCoefficients.reversed() { sum = sum * square + coefficient }
        return sum * angle
    }
}
