import Glibc

/// AdamW (Loshchilov, Hutter 2019): a step per value, divided by the root of the mean square gradient, with decoupled decay.
enum AdamW {
    static let firstDecay = 0.9
    static let secondDecay = 0.95
    static let epsilon: Float = 1e-8

    /// What is alike for all values of an update.
    struct Scales {
        /// The rate, corrected for the first moment's start at zero.
        let step: Float
        /// Corrects the second moment for its start at zero.
        let inverseSecond: Float

        /// - Parameter updates: this one included.
        init(learningRate: Double, updates: UInt64) {
            step = Float(learningRate / (1 - pow(AdamW.firstDecay, Double(updates))))
            inverseSecond = Float(1 / (1 - pow(AdamW.secondDecay, Double(updates))))
        }
    }

    /// Updates the values in `range`, whose length is a multiple of the vector's width.
    ///
    /// - Parameters:
    ///   - clip: factor of the gradient.
    ///   - keep: factor of the parameters, for decay.
    static func update(
        _ range: Range<Int>, parameters p: UnsafeMutablePointer<Float>, gradient g: UnsafePointer<Float>,
        first m: UnsafeMutablePointer<Float>, second v: UnsafeMutablePointer<Float>, scales: Scales, clip: Float,
        keep: Float
    ) {
        let keepFirst = Float(firstDecay)
        let keepSecond = Float(secondDecay)
        for index in stride(from: range.lowerBound, to: range.upperBound, by: laneWidth) {
            let gradient = load(g, index) * clip
            let mean = load(m, index) * keepFirst + gradient * (1 - keepFirst)
            let square = load(v, index) * keepSecond + gradient * gradient * (1 - keepSecond)
            store(mean, m, index)
            store(square, v, index)
            let change = mean * scales.step / ((square * scales.inverseSecond).squareRoot() + epsilon)
            store(load(p, index) * keep - change, p, index)
        }
    }
}
