import Testing

@testable import Model

/// A model small enough for finite differences in a debug build.
func microConfiguration() throws -> ModelConfiguration {
    try ModelConfiguration(
        hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 2, contextLength: 16)
}

@Suite struct TransformerGradientTests {
    /// A transformer whose weights are large enough for every path to carry a gradient.
    private func microTransformer() throws -> (Transformer, [UInt16], [UInt16]) {
        let layout = ModelLayout(try microConfiguration())
        var generator = SplitMix(state: 3)
        let parameters = Initialization.parameters(layout, seed: 5).map {
            $0 == 1 ? Float.random(in: 0.5...1.5, using: &generator) : $0 * 2
        }
        let transformer = Transformer(layout: layout, parameters: parameters, sequences: 2)
        let tokens = (0..<32).map { _ in UInt16.random(in: 0..<260, using: &generator) }
        var targets = (0..<32).map { _ in UInt16.random(in: 0..<260, using: &generator) }
        targets[7] = CrossEntropy.ignoredTarget
        return (transformer, tokens, targets)
    }

    private func loss(_ transformer: Transformer, _ tokens: [UInt16], _ targets: [UInt16]) -> Double {
        tokens.withUnsafeBufferPointer { tokens in
            targets.withUnsafeBufferPointer { transformer.loss(tokens: tokens, targets: $0) }
        }
    }

    @Test func everyTensorsGradientMatchesDifferences() throws {
        let (transformer, tokens, targets) = try microTransformer()
        transformer.zeroGradient()
        let reported = tokens.withUnsafeBufferPointer { tokens in
            targets.withUnsafeBufferPointer {
                transformer.accumulateGradient(tokens: tokens, targets: $0, scale: 1)
            }
        }
        #expect(reported == loss(transformer, tokens, targets))
        let gradient = Array(transformer.gradient)
        var generator = SplitMix(state: 11)
        for tensor in transformer.layout.tensors {
            let range = tensor.offset..<tensor.offset + tensor.count
            // Along the gradient itself, a direction in which nothing cancels, and along one drawn at random.
            let norm = gradient[range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(norm > 1e-3, "\(tensor.name) gets no gradient")
            let drawn = range.map { _ in Double(Bool.random(using: &generator) ? 1 : -1) }
            let drawnNorm = Double(tensor.count).squareRoot()
            for direction in [gradient[range].map { Double($0) / norm }, drawn.map { $0 / drawnNorm }] {
                let step = 5e-3
                let kept = Array(transformer.parameters[range])
                func at(_ distance: Double) -> Double {
                    for (index, value) in zip(range, zip(kept, direction)) {
                        transformer.parameters[index] = Float(Double(value.0) + distance * value.1)
                    }
                    return loss(transformer, tokens, targets)
                }
                let difference = (at(step) - at(-step)) / (2 * step)
                for (index, value) in zip(range, kept) { transformer.parameters[index] = value }
                let expected = zip(gradient[range], direction).reduce(0) { $0 + Double($1.0) * $1.1 }
                #expect(
                    abs(difference - expected) <= 5e-3 * norm,
                    "\(tensor.name): difference \(difference), gradient \(expected), norm \(norm)")
            }
        }
    }

    @Test func gradientsOfPassesAddUp() throws {
        let (transformer, tokens, targets) = try microTransformer()
        func pass(_ scale: Float) {
            tokens.withUnsafeBufferPointer { tokens in
                targets.withUnsafeBufferPointer {
                    _ = transformer.accumulateGradient(tokens: tokens, targets: $0, scale: scale)
                }
            }
        }
        transformer.zeroGradient()
        pass(1)
        let once = Array(transformer.gradient)
        pass(1)
        for (two, one) in zip(transformer.gradient, once) {
            #expect(abs(two - 2 * one) <= 1e-4 * max(1, abs(one)))
        }
    }

    @Test func laterTokensDoNotChangeEarlierLosses() throws {
        var (transformer, tokens, targets) = try microTransformer()
        for index in targets.indices where index >= 9 { targets[index] = CrossEntropy.ignoredTarget }
        let before = loss(transformer, tokens, targets)
        for index in tokens.indices where index >= 9 { tokens[index] = 77 }
        #expect(loss(transformer, tokens, targets) == before)
    }

    @Test func untrainedModelGuessesUniformly() throws {
        let layout = ModelLayout(try microConfiguration())
        let transformer = Transformer(
            layout: layout, parameters: Initialization.parameters(layout, seed: 1), sequences: 1)
        let tokens = (0..<16).map { UInt16(3 + $0) }
        let mean = loss(transformer, tokens, Array(tokens.reversed())) / 16
        #expect(abs(mean - 5.5607) < 0.5)
    }

    /// The sum of losses was computed in float64 by an independent program from the architecture's published definition
    /// (rotate-half order, causal softmax, SwiGLU, tied embedding), with weights drawn as `Initialization` says.
    @Test func lossEqualsThatOfAnIndependentProgram() throws {
        let layout = ModelLayout(try microConfiguration())
        let parameters = Initialization.parameters(layout, seed: 5).map { $0 == 1 ? $0 : $0 * 4 }
        let transformer = Transformer(layout: layout, parameters: parameters, sequences: 1)
        let text: [UInt16] = (0...16).map { (index: UInt16) in (7 * index * index + 3 * index + 1) % 260 }
        let found = loss(transformer, Array(text.prefix(16)), Array(text.suffix(16)))
        #expect(abs(found - 121.53798) < 2e-4)
    }

    @Test func presetsHaveTheDocumentedSizes() {
        let counts = ModelPreset.allCases.map { ModelLayout($0.configuration).parameterCount }
        #expect(counts == [246_624, 972_000, 3_230_976, 10_721_664, 25_438_720])
    }

    @Test func initializationIsAFunctionOfTheSeed() throws {
        let layout = ModelLayout(try microConfiguration())
        let first = Initialization.parameters(layout, seed: 1)
        #expect(first == Initialization.parameters(layout, seed: 1))
        #expect(first != Initialization.parameters(layout, seed: 2))
        let embedding = first.prefix(260 * 16)
        let variance = embedding.reduce(0) { $0 + Double($1) * Double($1) } / Double(embedding.count)
        #expect(abs(variance.squareRoot() - 0.125) < 0.003)
        // From an independent program, so that a machine or compiler that draws other weights is noticed.
        #expect(first[0].bitPattern == 0x3D24_B584 && first[4159].bitPattern == 0x3E16_9A5B)
    }
}
