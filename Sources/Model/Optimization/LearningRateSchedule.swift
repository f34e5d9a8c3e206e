import Glibc

/// Linear warm-up, then a cosine down to a tenth of the peak: a pure function of the global inner step, so every site
/// stands at the same point of it, whatever it missed.
public struct LearningRateSchedule: Hashable, Sendable {
    public let peak: Double
    /// Steps over which the rate rises from peak / warmUpSteps to peak.
    public let warmUpSteps: Int
    /// The global step at which the rate reaches a tenth of the peak, and stays there.
    public let horizonSteps: Int

    static let finalFraction = 0.1

    public init(peak: Double, warmUpSteps: Int, horizonSteps: Int) {
        precondition(peak > 0 && warmUpSteps >= 0 && horizonSteps > 0)
        self.peak = peak
        self.warmUpSteps = warmUpSteps
        self.horizonSteps = horizonSteps
    }

    /// The rate of global inner step `step`, counted from 0 (trained steps + step within the round).
    public func rate(step: Int) -> Double {
        if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps) }
        guard step < horizonSteps else { return peak * LearningRateSchedule.finalFraction }
        let progress = Double(step - warmUpSteps) / Double(horizonSteps - warmUpSteps)
        let cosine = 0.5 * (1 + cos(progress * .pi))
        return peak * (LearningRateSchedule.finalFraction + (1 - LearningRateSchedule.finalFraction) * cosine)
    }
}
