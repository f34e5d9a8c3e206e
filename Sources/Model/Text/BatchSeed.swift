/// What decides which sequences the batches hold: a public number for experiments that others repeat, or a site's secret.
///
/// If it were public, whoever guesses a site's text could compute the site's pseudo-gradient and confirm the guess, and two
/// sites with equal text would hand over equal contributions.
public struct BatchSeed: Sendable {
    /// Tells seeds apart in a checkpoint; says nothing about a secret.
    public let identifier: UInt64
    private let stateOfStep: @Sendable (UInt64) -> UInt64

    /// - Parameter stateOfStep: the state of a generator for each global step; for a secret a keyed function of the step.
    public init(identifier: UInt64, stateOfStep: @escaping @Sendable (UInt64) -> UInt64) {
        self.identifier = identifier
        self.stateOfStep = stateOfStep
    }

    public init(number: UInt64) {
        self.init(identifier: number) { SplitMix(seed: number, index: $0).state }
    }

    /// The generator of a step's batch: a function of seed and step alone.
    func generator(step: Int) -> SplitMix { SplitMix(state: stateOfStep(UInt64(step))) }
}
