import Glibc

/// AdamW (Loshchilov, Hutter 2019) over the flat vector, with decoupled decay of the matrices and the gradient's norm
/// clipped. The moments live as long as the trainer: they are kept across rounds.
public final class AdamW {
    public static let firstDecay = 0.9
    public static let secondDecay = 0.95
    public static let weightDecay = 0.1
    public static let clipNorm = 1.0
    static let epsilon: Float = 1e-8

    private let layout: ModelLayout
    let first: FloatBuffer
    let second: FloatBuffer
    /// Updates made so far; the bias corrections depend on it.
    public internal(set) var updates: UInt64

    public init(layout: ModelLayout) {
        self.layout = layout
        first = FloatBuffer(count: layout.parameterCount)
        second = FloatBuffer(count: layout.parameterCount)
        updates = 0
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
    /// - Throws: `ModelError.notFinite` when the gradient is not; nothing has changed then.
    public func update(
        parameters: UnsafeMutableBufferPointer<Float>, gradient: UnsafeMutableBufferPointer<Float>,
        learningRate: Double
    ) throws(ModelError) -> Double {
        precondition(parameters.count == layout.parameterCount && gradient.count == layout.parameterCount)
        guard let p = parameters.baseAddress, let g = gradient.baseAddress else { return 0 }
        let norm = AdamW.norm(gradient)
        guard norm.isFinite else { throw .notFinite(what: "the gradient's norm") }
        updates += 1
        let clip = Float(norm > AdamW.clipNorm ? AdamW.clipNorm / norm : 1)
        let correctionFirst = 1 - pow(AdamW.firstDecay, Double(updates))
        let correctionSecond = 1 - pow(AdamW.secondDecay, Double(updates))
        let step = Float(learningRate / correctionFirst)
        let inverseSecond = Float(1 / correctionSecond)
        let m = first.pointer
        let v = second.pointer
        let keepFirst = Float(AdamW.firstDecay)
        let keepSecond = Float(AdamW.secondDecay)
        // Every tensor's length is a multiple of the vector's width: all dimensions but the vocabulary are, and a row
        // of the embedding is a hidden vector.
        for tensor in layout.tensors {
            let keep = tensor.isMatrix ? 1 - Float(learningRate * AdamW.weightDecay) : 1
            for index in stride(from: tensor.offset, to: tensor.offset + tensor.count, by: laneWidth) {
                let gradient = load(g, index) * clip
                let mean = load(m, index) * keepFirst + gradient * (1 - keepFirst)
                let square = load(v, index) * keepSecond + gradient * gradient * (1 - keepSecond)
                store(mean, m, index)
                store(square, v, index)
                let change = mean * step / ((square * inverseSecond).squareRoot() + AdamW.epsilon)
                store(load(p, index) * keep - change, p, index)
            }
        }
        return norm
    }
}
