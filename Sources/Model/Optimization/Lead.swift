/// Steps that a trainer has taken beyond what it handed over: they count for its next contribution.
///
/// While contributions travel and are agreed on, a trainer goes on from its own parameters. When the next version comes,
/// the progress since the hand-over is added to it (a rebase), so that nothing is lost and nothing counts twice.
public struct Lead: Sendable {
    /// The parameters that these steps began with.
    public let start: [Float]
    /// Whether the steps came too late for the round that they were taken in.
    public let isLate: Bool
    public private(set) var steps = 0
    /// Of these, steps that could not be taken.
    public private(set) var skippedSteps = 0
    /// Sum of the losses of the steps that were taken.
    public private(set) var loss = 0.0

    public init(start: [Float]) { (self.start, isLate) = (start, false) }

    /// All that was trained on a base and came too late.
    public init(lateFrom start: [Float], steps: Int, skippedSteps: Int, loss: Double) {
        (self.start, isLate) = (start, true)
        (self.steps, self.skippedSteps, self.loss) = (steps, skippedSteps, loss)
    }

    /// - Parameter loss: of one more step; nil if it was skipped.
    public mutating func add(loss: Double?) {
        steps += 1
        if let loss { self.loss += loss } else { skippedSteps += 1 }
    }

    /// The least steps to take on the new base itself before the next hand-over.
    ///
    /// What was too late is handed over as soon as it can be.
    public func stepsOnBase(innerSteps: Int) -> Int {
        isLate ? 0 : Lead.stepsOnBase(after: steps, innerSteps: innerSteps)
    }

    /// The least steps to take on the new base itself after so many that were taken ahead of it.
    ///
    /// A site that is faster than the rounds would otherwise train from bases that are one round old only, which costs its own
    /// language. Up to one round of steps ahead is what a slow network takes, and asks for none.
    public static func stepsOnBase(after stepsAhead: Int, innerSteps: Int) -> Int {
        min(innerSteps, max(0, stepsAhead - innerSteps))
    }

    /// The new base plus the progress of these steps, which ended with `current`.
    public func rebased(_ current: UnsafeMutableBufferPointer<Float>, on base: [Float]) -> [Float] {
        precondition(current.count == start.count && base.count == start.count)
        return [Float](unsafeUninitializedCapacity: base.count) { result, count in
            for index in base.indices { result[index] = base[index] + (current[index] - start[index]) }
            count = base.count
        }
    }
}
