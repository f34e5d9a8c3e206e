/// The decoder-only transformer: one flat parameter vector, one gradient vector of the same length, and the forward and
/// backward passes over a fixed number of sequences.
///
/// Shapes in comments: B sequences, T positions, N = B T rows, C hidden, F intermediate, V vocabulary. One thread; not for
/// concurrent use.
public final class Transformer {
    public let layout: ModelLayout
    /// Sequences that one pass handles.
    public let sequences: Int

    private let parameterBuffer: FloatBuffer
    private let gradientBuffer: FloatBuffer
    private let activations: FloatBuffer
    private let plan: ActivationPlan
    private let rotary: RotaryEmbedding
    private let attention: CausalAttention

    /// - Parameters:
    ///   - parameters: the flat vector, `layout.parameterCount` values.
    ///   - sequences: how many sequences of `contextLength` tokens one pass takes.
    public init(layout: ModelLayout, parameters: [Float], sequences: Int) {
        precondition(parameters.count == layout.parameterCount, "the flat vector must fit the layout")
        precondition(sequences > 0)
        let configuration = layout.configuration
        self.layout = layout
        self.sequences = sequences
        parameterBuffer = FloatBuffer(parameters)
        gradientBuffer = FloatBuffer(count: parameters.count)
        plan = ActivationPlan(configuration, sequences: sequences)
        activations = FloatBuffer(count: plan.count)
        rotary = RotaryEmbedding(positions: configuration.contextLength, headSize: configuration.headSize)
        attention = CausalAttention(
            positions: configuration.contextLength, heads: configuration.headCount, headSize: configuration.headSize)
    }

    /// The flat parameter vector; free to be written between passes.
    public var parameters: UnsafeMutableBufferPointer<Float> { parameterBuffer.buffer }

    /// Gradient of the last passes, summed since `zeroGradient`.
    public var gradient: UnsafeMutableBufferPointer<Float> { gradientBuffer.buffer }

    public func zeroGradient() { gradientBuffer.zero() }

    /// Tokens of one pass.
    public var tokensPerPass: Int { plan.rows }

    /// The sum of the losses of all targets that are not ignored, in nats.
    ///
    /// - Parameters:
    ///   - tokens: (B, T) ids below the vocabulary's size.
    ///   - targets: (B, T) the next token of each, or `UInt16.max` for one that does not count.
    public func loss(tokens: UnsafeBufferPointer<UInt16>, targets: UnsafeBufferPointer<UInt16>) -> Double {
        forward(check(tokens, targets: false))
        return CrossEntropy.forwardBackward(
            logits: activations.pointer + plan.logits, stride: ActivationPlan.logitStride,
            classes: ModelConfiguration.vocabularySize, targets: check(targets, targets: true), rows: plan.rows,
            gradientScale: nil)
    }

    /// Adds the gradient of `scale` x the sum of losses to `gradient`; returns the sum itself.
    public func accumulateGradient(
        tokens: UnsafeBufferPointer<UInt16>, targets: UnsafeBufferPointer<UInt16>, scale: Float
    ) -> Double {
        let tokens = check(tokens, targets: false)
        forward(tokens)
        let loss = CrossEntropy.forwardBackward(
            logits: activations.pointer + plan.logits, stride: ActivationPlan.logitStride,
            classes: ModelConfiguration.vocabularySize, targets: check(targets, targets: true), rows: plan.rows,
            gradientScale: scale)
        backward(tokens)
        return loss
    }

    private func check(_ ids: UnsafeBufferPointer<UInt16>, targets: Bool) -> UnsafePointer<UInt16> {
        precondition(ids.count == plan.rows, "a pass takes exactly B x T tokens")
        precondition(
            ids.allSatisfy { $0 < ModelConfiguration.vocabularySize || targets && $0 == CrossEntropy.ignoredTarget })
        guard let base = ids.baseAddress else { preconditionFailure("a pass takes exactly B x T tokens") }
        return base
    }

    /// tokens (B, T) -> logits (N, V)
    private func forward(_ tokens: UnsafePointer<UInt16>) {
        let configuration = layout.configuration
        let rows = plan.rows
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        let a = activations.pointer
        let w = UnsafePointer(parameterBuffer.pointer)

        // x (N, C) = rows of E (V, C)
        Embedding.forward(
            output: a + (plan.layers.first?.input ?? plan.final), tokens: tokens, weight: w + layout.embedding,
            rows: rows, columns: hidden)
        for index in 0..<configuration.layerCount {
            let at = plan.layers[index]
            let weights = layout.layers[index]
            let next = index + 1 < configuration.layerCount ? plan.layers[index + 1].input : plan.final
            // n1 (N, C) = norm(x)
            RootMeanSquareNorm.forward(
                output: a + at.inputNormed, inverse: a + at.inputInverse, input: a + at.input,
                weight: w + weights.inputNorm, rows: rows, columns: hidden)
            // qkv (N, 3C) = n1 Wqkvᵀ, then q and k turned
            Linear.forward(
                output: a + at.queryKeyValue, input: a + at.inputNormed, weight: w + weights.queryKeyValue,
                rows: rows, inputs: hidden, outputs: 3 * hidden)
            rotary.forward(
                a + at.queryKeyValue, stride: 3 * hidden, sequences: sequences,
                positions: configuration.contextLength, heads: 2 * configuration.headCount)
            // o (N, C) = attention(qkv)
            attention.forward(
                output: a + at.attended, logSums: a + at.logSums, queryKeyValue: a + at.queryKeyValue,
                sequences: sequences)
            // m (N, C) = x + o Woᵀ
            (a + at.middle).update(from: a + at.input, count: rows * hidden)
            Linear.forward(
                output: a + at.middle, input: a + at.attended, weight: w + weights.output, rows: rows,
                inputs: hidden, outputs: hidden, accumulate: true)
            // n2 (N, C) = norm(m)
            RootMeanSquareNorm.forward(
                output: a + at.middleNormed, inverse: a + at.middleInverse, input: a + at.middle,
                weight: w + weights.postNorm, rows: rows, columns: hidden)
            // gu (N, 2F) = n2 Wguᵀ; h (N, F) = silu(g) u
            Linear.forward(
                output: a + at.gateUp, input: a + at.middleNormed, weight: w + weights.gateUp, rows: rows,
                inputs: hidden, outputs: 2 * intermediate)
            GatedUnit.forward(output: a + at.gated, gateUp: a + at.gateUp, rows: rows, columns: intermediate)
            // x' (N, C) = m + h Wdᵀ
            (a + next).update(from: a + at.middle, count: rows * hidden)
            Linear.forward(
                output: a + next, input: a + at.gated, weight: w + weights.down, rows: rows, inputs: intermediate,
                outputs: hidden, accumulate: true)
        }
        // f (N, C) = norm(x); logits (N, V) = f Eᵀ
        RootMeanSquareNorm.forward(
            output: a + plan.finalNormed, inverse: a + plan.finalInverse, input: a + plan.final,
            weight: w + layout.finalNorm, rows: rows, columns: hidden)
        MatrixProduct.multiplyTransposedRight(
            a + plan.logits, stride: ActivationPlan.logitStride, a + plan.finalNormed, stride: hidden,
            w + layout.embedding, stride: hidden, rows: rows, columns: ModelConfiguration.vocabularySize,
            inner: hidden)
    }

    /// dlogits (N, V), which stand in place of the logits -> gradient += ...
    private func backward(_ tokens: UnsafePointer<UInt16>) {
        let configuration = layout.configuration
        let rows = plan.rows
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        let a = activations.pointer
        let w = UnsafePointer(parameterBuffer.pointer)
        let g = gradientBuffer.pointer
        let stream = a + plan.streamGradient
        let narrow = a + plan.narrowGradient
        let wide = a + plan.wideGradient

        // df (N, C) = dlogits E; dE (V, C) += dlogitsᵀ f
        MatrixProduct.multiply(
            narrow, stride: hidden, a + plan.logits, stride: ActivationPlan.logitStride, w + layout.embedding,
            stride: hidden, rows: rows, columns: hidden, inner: ModelConfiguration.vocabularySize)
        MatrixProduct.multiplyTransposedLeft(
            g + layout.embedding, stride: hidden, a + plan.logits, stride: ActivationPlan.logitStride,
            a + plan.finalNormed, stride: hidden, rows: ModelConfiguration.vocabularySize, columns: hidden,
            inner: rows, keep: 1)
        // dx (N, C) = norm backward of df
        stream.update(repeating: 0, count: rows * hidden)
        RootMeanSquareNorm.backward(
            inputGradient: stream, weightGradient: g + layout.finalNorm, outputGradient: narrow,
            input: a + plan.final, inverse: a + plan.finalInverse, weight: w + layout.finalNorm, rows: rows,
            columns: hidden)
        for index in (0..<configuration.layerCount).reversed() {
            let at = plan.layers[index]
            let weights = layout.layers[index]
            // dh (N, F) = dx Wd; dWd += dxᵀ h
            Linear.backward(
                inputGradient: a + plan.gatedGradient, weightGradient: g + weights.down, outputGradient: stream,
                input: a + at.gated, weight: w + weights.down, rows: rows, inputs: intermediate, outputs: hidden)
            // dgu (N, 2F) from dh
            GatedUnit.backward(
                gateUpGradient: wide, outputGradient: a + plan.gatedGradient, gateUp: a + at.gateUp, rows: rows,
                columns: intermediate)
            // dn2 (N, C) = dgu Wgu; dWgu += dguᵀ n2
            Linear.backward(
                inputGradient: narrow, weightGradient: g + weights.gateUp, outputGradient: wide,
                input: a + at.middleNormed, weight: w + weights.gateUp, rows: rows, inputs: hidden,
                outputs: 2 * intermediate)
            // dm (N, C) = dx + norm backward of dn2
            RootMeanSquareNorm.backward(
                inputGradient: stream, weightGradient: g + weights.postNorm, outputGradient: narrow,
                input: a + at.middle, inverse: a + at.middleInverse, weight: w + weights.postNorm, rows: rows,
                columns: hidden)
            // do (N, C) = dm Wo; dWo += dmᵀ o
            Linear.backward(
                inputGradient: narrow, weightGradient: g + weights.output, outputGradient: stream,
                input: a + at.attended, weight: w + weights.output, rows: rows, inputs: hidden, outputs: hidden)
            // dqkv (N, 3C) from do, then q and k turned back
            attention.backward(
                queryKeyValueGradient: wide, outputGradient: narrow, output: a + at.attended,
                logSums: a + at.logSums, queryKeyValue: a + at.queryKeyValue, sequences: sequences)
            rotary.backward(
                wide, stride: 3 * hidden, sequences: sequences, positions: configuration.contextLength,
                heads: 2 * configuration.headCount)
            // dn1 (N, C) = dqkv Wqkv; dWqkv += dqkvᵀ n1
            Linear.backward(
                inputGradient: narrow, weightGradient: g + weights.queryKeyValue, outputGradient: wide,
                input: a + at.inputNormed, weight: w + weights.queryKeyValue, rows: rows, inputs: hidden,
                outputs: 3 * hidden)
            // dx (N, C) = dm + norm backward of dn1
            RootMeanSquareNorm.backward(
                inputGradient: stream, weightGradient: g + weights.inputNorm, outputGradient: narrow,
                input: a + at.input, inverse: a + at.inputInverse, weight: w + weights.inputNorm, rows: rows,
                columns: hidden)
        }
        // dE (V, C) += dx, row by row
        Embedding.backward(
            weightGradient: g + layout.embedding, outputGradient: stream, tokens: tokens, rows: rows,
            columns: hidden)
    }
}
