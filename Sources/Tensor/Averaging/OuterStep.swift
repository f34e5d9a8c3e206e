import CKernels

/// What the average of a round's contributions does to the base.
public enum OuterStep: Hashable, Sendable {
    /// The contributions are differences of parameters: the base moves by the average times a rate.
    ///
    /// - Parameter rateQ16: in 65,536ths: at most 2^24 (a factor of 256), so that float32 holds it exactly.
    case add(rateQ16: UInt32)
    /// The contributions are gradient momentum in the Hadamard domain: all nodes make the same step of AdamW, whose second moment
    /// is part of the certified state. It has no first moment, because what it gets is a momentum already.
    ///
    /// - Parameter rateNano: learning rate of this step, in billionths, at most 1.
    case sharedAdamW(rateNano: UInt32)

    /// How much of a matrix each step of AdamW takes away, per unit of the learning rate.
    static let weightDecay: Float = 0.1

    /// The domain of the contributions.
    public var transform: ChunkTransform {
        switch self {
        case .add: .identity
        case .sharedAdamW: .hadamard
        }
    }

    /// Whether there is a second moment for every parameter.
    public var hasSecondMoment: Bool { transform == .hadamard }

    var isValid: Bool {
        switch self {
        case .add(let rateQ16): rateQ16 <= 1 << 24
        case .sharedAdamW(let rateNano): rateNano <= 1_000_000_000
        }
    }
}

/// Applies the outer step to one chunk after the other. One per worker: holds the values of one chunk.
final class OuterStepper {
    private let step: OuterStep
    private let direction = Storage<Float>(count: ParameterLayout.chunkParameters, filledWith: 0)

    init(_ step: OuterStep) {
        precondition(step.isValid)
        self.step = step
    }

    /// Moves a part of a chunk.
    ///
    /// - Parameters:
    ///   - sums: of the whole chunk, in units of 2^-40.
    ///   - count: values of the whole chunk.
    ///   - part: which of them to move.
    ///   - parameters: the first value of `part`; `second` its second moment, for a step that has one.
    ///   - isMatrix: whether the chunk's tensor decays.
    /// - Returns: the bits of the largest magnitude that came out.
    func apply(
        _ sums: UnsafePointer<Int64>, count: Int, part: Range<Int>, parameters: UnsafeMutablePointer<Float>,
        second: UnsafeMutablePointer<Float>?, isMatrix: Bool
    ) -> UInt32 {
        switch step {
        case .add(let rateQ16):
            return mesh_outer_step(parameters, sums + part.lowerBound, Float(rateQ16) / 65_536, part.count)
        case .sharedAdamW(let rateNano):
            guard let second else { preconditionFailure("this step has a second moment") }
            mesh_float_from_sums(direction.pointer, sums, count)
            step.transform.apply(to: direction.pointer, count: count)
            let rate = Float(rateNano) / 1e9
            let keep = isMatrix ? 1 - rate * OuterStep.weightDecay : 1
            return mesh_shared_adamw(parameters, second, direction.pointer + part.lowerBound, rate, keep, part.count)
        }
    }
}
