/// Where each activation stands in one block of memory, planned once for a number of sequences: a training step
/// allocates nothing.
struct ActivationPlan {
    /// Offsets of what the backward pass of one layer needs. N = sequences x context, C hidden, F intermediate.
    struct Layer {
        /// (N, C) residual stream that enters the layer
        let input: Int
        /// (N)
        let inputInverse: Int
        /// (N, C)
        let inputNormed: Int
        /// (N, 3C) after the rotation
        let queryKeyValue: Int
        /// (B, heads, T)
        let logSums: Int
        /// (N, C)
        let attended: Int
        /// (N, C) residual stream between attention and feed-forward
        let middle: Int
        /// (N)
        let middleInverse: Int
        /// (N, C)
        let middleNormed: Int
        /// (N, 2F)
        let gateUp: Int
        /// (N, F)
        let gated: Int
    }

    /// Columns of a row of logits: the vocabulary, rounded up to whole vectors.
    static let logitStride = (ModelConfiguration.vocabularySize + laneWidth - 1) / laneWidth * laneWidth

    let rows: Int
    let layers: [Layer]
    /// (N, C) residual stream after the last layer
    let final: Int
    /// (N)
    let finalInverse: Int
    /// (N, C)
    let finalNormed: Int
    /// (N, logitStride); the gradient of the logits after the backward pass
    let logits: Int
    /// (N, C) gradient of the residual stream
    let streamGradient: Int
    /// (N, C) gradient of a normed stream, or of the attention's output
    let narrowGradient: Int
    /// (N, F)
    let gatedGradient: Int
    /// (N, max(3C, 2F))
    let wideGradient: Int
    /// Length of the block in float32 values.
    let count: Int

    init(_ configuration: ModelConfiguration, sequences: Int) {
        let rows = sequences * configuration.contextLength
        let hidden = rows * configuration.hiddenSize
        let intermediate = rows * configuration.intermediateSize
        var position = 0
        func reserve(_ count: Int) -> Int {
            defer { position += (count + 15) / 16 * 16 }
            return position
        }
        layers = (0..<configuration.layerCount).map { _ in
            Layer(
                input: reserve(hidden), inputInverse: reserve(rows), inputNormed: reserve(hidden),
                queryKeyValue: reserve(3 * hidden), logSums: reserve(rows * configuration.headCount),
                attended: reserve(hidden), middle: reserve(hidden), middleInverse: reserve(rows),
                middleNormed: reserve(hidden), gateUp: reserve(2 * intermediate), gated: reserve(intermediate))
        }
        final = reserve(hidden)
        finalInverse = reserve(rows)
        finalNormed = reserve(hidden)
        logits = reserve(rows * ActivationPlan.logitStride)
        streamGradient = reserve(hidden)
        narrowGradient = reserve(hidden)
        gatedGradient = reserve(intermediate)
        wideGradient = reserve(max(3 * hidden, 2 * intermediate))
        self.rows = rows
        count = position
    }
}
