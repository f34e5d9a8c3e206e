import Tensor

/// How a gradient becomes an update.
public enum OptimizerKind: Hashable, Sendable {
    /// AdamW for all tensors.
    case adamW
    /// Muon for the projections of the layers, AdamW for embedding and norms.
    ///
    /// - Parameter peak: of the projections' learning rate; it follows the same schedule as the rate of the others.
    case muon(peak: Double)
    /// No update: the clipped gradients are summed up, for an optimizer that all sites share.
    case shared

    /// What a checkpoint calls it, so that moments of one are never taken for another's.
    var code: UInt64 {
        switch self {
        case .adamW: 0
        case .muon: 1
        case .shared: 2
        }
    }
}

extension OptimizerKind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .adamW: "adamw"
        case .muon(let peak): "muon (\(peak))"
        case .shared: "shared by all sites"
        }
    }
}

/// The inner optimizer over the flat vector, with the gradient's norm clipped and the matrices decayed. Its moments live as
/// long as the trainer: they are kept across rounds.
public final class Optimizer {
    public static let weightDecay = 0.1
    public static let clipNorm = 1.0

    public let kind: OptimizerKind
    private let layout: ModelLayout
    /// First moment of AdamW, momentum of Muon, sum of the gradients for a shared optimizer.
    let first: FloatBuffer
    /// Second moment of AdamW; zero where Muon updates, and for a shared optimizer.
    let second: FloatBuffer
    /// Updates made so far; AdamW's corrections depend on it.
    public internal(set) var updates: UInt64
    private let muon: Muon?

    public init(layout: ModelLayout, kind: OptimizerKind) {
        self.kind = kind
        self.layout = layout
        first = FloatBuffer(count: layout.parameterCount)
        second = FloatBuffer(count: layout.parameterCount)
        updates = 0
        if case .muon = kind { muon = Muon(matrices: layout.tensors.filter(layout.isProjection)) } else { muon = nil }
    }

    /// The mean, at one parameter, of the gradients that were summed up for a shared optimizer.
    ///
    /// - Parameter count: how many they were, at least 1.
    public func meanGradient(at index: Int, of count: Int) -> Float {
        precondition(kind == .shared && count > 0)
        return first.buffer[index] / Float(count)
    }

    /// Begins a new sum.
    public func clearGradients() {
        precondition(kind == .shared)
        first.buffer.update(repeating: 0)
    }

    /// The norm of `gradient`, summed in a fixed order.
    public static func norm(_ gradient: UnsafeMutableBufferPointer<Float>) -> Double {
        guard let base = gradient.baseAddress else { return 0 }
        var total = 0.0
        // Short float32 sums, added up in float64.
        let block = 4096
        for start in stride(from: 0, to: gradient.count, by: block) {
            let end = min(gradient.count, start + block)
            var squares = Lane.zero
            var index = start
            while index + laneWidth <= end {
                let value = load(base, index)
                squares += value * value
                index += laneWidth
            }
            total += Double(squares.sum())
            while index < end {
                total += Double(base[index]) * Double(base[index])
                index += 1
            }
        }
        return total.squareRoot()
    }

    /// One update of `parameters` from `gradient`; returns the gradient's norm before it was clipped.
    ///
    /// - Parameters:
    ///   - learningRate: of AdamW, or of its tensors where Muon updates the others.
    ///   - scheduleFraction: what the rate is of its peak, for Muon's own.
    /// - Throws: `ModelError.notFinite` when the gradient is not; nothing has changed then.
    public func update(
        parameters: UnsafeMutableBufferPointer<Float>, gradient: UnsafeMutableBufferPointer<Float>,
        learningRate: Double, scheduleFraction: Double = 1
    ) throws(ModelError) -> Double {
        precondition(parameters.count == layout.parameterCount && gradient.count == layout.parameterCount)
        guard let p = parameters.baseAddress, let g = gradient.baseAddress else { return 0 }
        let norm = Optimizer.norm(gradient)
        guard norm.isFinite else { throw .notFinite(what: "the gradient's norm") }
        updates += 1
        let clip = Float(norm > Optimizer.clipNorm ? Optimizer.clipNorm / norm : 1)
        if kind == .shared {
            for index in gradient.indices { first.pointer[index] += g[index] * clip }
            return norm
        }
        let scales = AdamW.Scales(learningRate: learningRate, updates: updates)
        // Every tensor's length is a multiple of the vector's width: all dimensions but the vocabulary are, and a row
        // of the embedding is a hidden vector.
        for tensor in layout.tensors {
            let (m, v) = (first.pointer, second.pointer)
            if case .muon(let peak) = kind, let muon, layout.isProjection(tensor) {
                let rate = peak * scheduleFraction
                muon.update(
                    rows: tensor.shape[0], columns: tensor.shape[1], parameters: p + tensor.offset,
                    gradient: g + tensor.offset, momentum: m + tensor.offset, learningRate: rate, clip: clip,
                    keep: 1 - Float(rate * Optimizer.weightDecay))
            } else {
                AdamW.update(
                    tensor.range, parameters: p, gradient: g, first: m, second: v, scales: scales, clip: clip,
                    keep: tensor.isMatrix ? 1 - Float(learningRate * Optimizer.weightDecay) : 1)
            }
        }
        return norm
    }
}
