import Testing

@testable import Model

/// Central differences of the sum of `weights` x f(x), against the gradient that the backward pass gives.
struct GradientCheck {
    var generator = SplitMix(state: 7)

    mutating func values(_ count: Int, scale: Float = 1) -> FloatBuffer {
        FloatBuffer((0..<count).map { _ in Float.random(in: -scale...scale, using: &generator) })
    }

    /// Checks every `each`-th coordinate of `gradient` against differences of `function` over `input`.
    func verify(
        _ name: String, input: FloatBuffer, gradient: FloatBuffer, step: Float = 1e-2, tolerance: Double = 4e-3,
        each: Int = 1, function: () -> Double
    ) {
        let scale = max(1, gradient.values.map { Double(abs($0)) }.max() ?? 1)
        for index in stride(from: 0, to: input.count, by: each) {
            let kept = input.pointer[index]
            input.pointer[index] = kept + step
            let above = function()
            input.pointer[index] = kept - step
            let below = function()
            input.pointer[index] = kept
            let difference = (above - below) / (2 * Double(step))
            let error = abs(difference - Double(gradient.pointer[index]))
            #expect(
                error <= tolerance * scale,
                "\(name)[\(index)]: difference \(difference), gradient \(gradient.pointer[index])")
        }
    }

    static func dot(_ left: FloatBuffer, _ right: FloatBuffer) -> Double {
        zip(left.values, right.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}

@Suite struct OperatorGradientTests {
    @Test func exponentialFollowsTheLibrary() {
        for value in stride(from: Float(-86), through: 86, by: 0.37) {
            let exact = FloatingPointReference.exponential(Double(value))
            let found = Double(exponential(Lane(repeating: value))[3])
            #expect(abs(found - exact) <= 3e-7 * exact, "e^\(value)")
        }
        #expect(exponential(Lane(repeating: -200)) == Lane.zero)
        #expect(exponential(Lane(repeating: 500))[0].isFinite)
    }

    @Test func linear() {
        var check = GradientCheck()
        let (rows, inputs, outputs) = (3, 8, 5)
        let x = check.values(rows * inputs)
        let w = check.values(outputs * inputs)
        let weights = check.values(rows * outputs)
        let y = FloatBuffer(count: rows * outputs)
        let function = {
            Linear.forward(
                output: y.pointer, input: x.pointer, weight: w.pointer, rows: rows, inputs: inputs, outputs: outputs)
            return GradientCheck.dot(y, weights)
        }
        let dx = FloatBuffer(count: x.count)
        let dw = FloatBuffer(count: w.count)
        Linear.backward(
            inputGradient: dx.pointer, weightGradient: dw.pointer, outputGradient: weights.pointer, input: x.pointer,
            weight: w.pointer, rows: rows, inputs: inputs, outputs: outputs)
        check.verify("x", input: x, gradient: dx, function: function)
        check.verify("w", input: w, gradient: dw, function: function)
    }

    @Test func rootMeanSquareNorm() {
        var check = GradientCheck()
        let (rows, columns) = (3, 16)
        let x = check.values(rows * columns)
        let w = check.values(columns)
        let weights = check.values(rows * columns)
        let y = FloatBuffer(count: rows * columns)
        let inverse = FloatBuffer(count: rows)
        let function = {
            RootMeanSquareNorm.forward(
                output: y.pointer, inverse: inverse.pointer, input: x.pointer, weight: w.pointer, rows: rows,
                columns: columns)
            return GradientCheck.dot(y, weights)
        }
        _ = function()
        let dx = FloatBuffer(count: x.count)
        let dw = FloatBuffer(count: w.count)
        RootMeanSquareNorm.backward(
            inputGradient: dx.pointer, weightGradient: dw.pointer, outputGradient: weights.pointer, input: x.pointer,
            inverse: inverse.pointer, weight: w.pointer, rows: rows, columns: columns)
        check.verify("x", input: x, gradient: dx, function: function)
        check.verify("w", input: w, gradient: dw, function: function)
    }

    @Test func gatedUnit() {
        var check = GradientCheck()
        let (rows, columns) = (2, 16)
        let gateUp = check.values(rows * 2 * columns, scale: 3)
        let weights = check.values(rows * columns)
        let h = FloatBuffer(count: rows * columns)
        let gradient = FloatBuffer(count: gateUp.count)
        GatedUnit.backward(
            gateUpGradient: gradient.pointer, outputGradient: weights.pointer, gateUp: gateUp.pointer, rows: rows,
            columns: columns)
        check.verify("gate and up", input: gateUp, gradient: gradient) {
            GatedUnit.forward(output: h.pointer, gateUp: gateUp.pointer, rows: rows, columns: columns)
            return GradientCheck.dot(h, weights)
        }
    }

    @Test func rotaryEmbeddingTurnsAndTurnsBack() {
        var check = GradientCheck()
        let (sequences, positions, heads, headSize) = (2, 8, 2, 8)
        let rotary = RotaryEmbedding(positions: positions, headSize: headSize)
        let x = check.values(sequences * positions * heads * headSize)
        let weights = check.values(x.count)
        let gradient = FloatBuffer(weights.values)
        rotary.backward(
            gradient.pointer, stride: heads * headSize, sequences: sequences, positions: positions, heads: heads)
        check.verify("x", input: x, gradient: gradient) {
            let turned = FloatBuffer(x.values)
            rotary.forward(
                turned.pointer, stride: heads * headSize, sequences: sequences, positions: positions, heads: heads)
            return GradientCheck.dot(turned, weights)
        }
    }

    @Test(arguments: [(1, 8, 1), (2, 8, 2), (1, 72, 1)])
    func causalAttention(sequences: Int, positions: Int, heads: Int) {
        var check = GradientCheck()
        let headSize = 8
        let width = heads * headSize
        let attention = CausalAttention(positions: positions, heads: heads, headSize: headSize)
        let qkv = check.values(sequences * positions * 3 * width, scale: 1.5)
        let weights = check.values(sequences * positions * width)
        let o = FloatBuffer(count: weights.count)
        let sums = FloatBuffer(count: sequences * heads * positions)
        let function = {
            attention.forward(
                output: o.pointer, logSums: sums.pointer, queryKeyValue: qkv.pointer, sequences: sequences)
            return GradientCheck.dot(o, weights)
        }
        _ = function()
        let gradient = FloatBuffer(count: qkv.count)
        attention.backward(
            queryKeyValueGradient: gradient.pointer, outputGradient: weights.pointer, output: o.pointer,
            logSums: sums.pointer, queryKeyValue: qkv.pointer, sequences: sequences)
        check.verify("qkv", input: qkv, gradient: gradient, each: positions > 64 ? 29 : 1, function: function)
    }

    @Test func attentionNeverLooksAhead() {
        var check = GradientCheck()
        let positions = 72
        let attention = CausalAttention(positions: positions, heads: 1, headSize: 8)
        let qkv = check.values(positions * 24)
        let before = FloatBuffer(count: positions * 8)
        let after = FloatBuffer(count: positions * 8)
        let sums = FloatBuffer(count: positions)
        attention.forward(output: before.pointer, logSums: sums.pointer, queryKeyValue: qkv.pointer, sequences: 1)
        let changed = 66
        for column in 0..<24 { qkv.pointer[changed * 24 + column] += 1 }
        attention.forward(output: after.pointer, logSums: sums.pointer, queryKeyValue: qkv.pointer, sequences: 1)
        #expect(before.values.prefix(changed * 8) == after.values.prefix(changed * 8))
        #expect(before.values.dropFirst(changed * 8) != after.values.dropFirst(changed * 8))
    }

    @Test func crossEntropy() {
        var check = GradientCheck()
        let (rows, classes, width) = (4, 13, 16)
        let logits = check.values(rows * width, scale: 3)
        let targets: [UInt16] = [0, 12, CrossEntropy.ignoredTarget, 5]
        let run = { (scale: Float?) -> (Double, FloatBuffer) in
            let copy = FloatBuffer(logits.values)
            let loss = targets.withUnsafeBufferPointer {
                CrossEntropy.forwardBackward(
                    logits: copy.pointer, stride: width, classes: classes, targets: $0.baseAddress!, rows: rows,
                    gradientScale: scale)
            }
            return (loss, copy)
        }
        let (_, gradient) = run(1)
        check.verify("logits", input: logits, gradient: gradient) { run(nil).0 }
        #expect(gradient.values[(2 * width)..<(3 * width)].allSatisfy { $0 == 0 })
    }

    @Test func embedding() {
        var check = GradientCheck()
        let tokens: [UInt16] = [2, 0, 2]
        let weight = check.values(3 * 8)
        let weights = check.values(3 * 8)
        let x = FloatBuffer(count: 3 * 8)
        let gradient = FloatBuffer(count: weight.count)
        tokens.withUnsafeBufferPointer { tokens in
            Embedding.backward(
                weightGradient: gradient.pointer, outputGradient: weights.pointer, tokens: tokens.baseAddress!,
                rows: 3, columns: 8)
            check.verify("E", input: weight, gradient: gradient) {
                Embedding.forward(
                    output: x.pointer, tokens: tokens.baseAddress!, weight: weight.pointer, rows: 3, columns: 8)
                return GradientCheck.dot(x, weights)
            }
        }
    }
}
