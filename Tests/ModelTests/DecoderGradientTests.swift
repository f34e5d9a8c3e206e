import Testing

@testable import Model

/// A model small enough for finite differences in a debug build.
func microConfiguration() throws -> ModelConfiguration {
    try ModelConfiguration(
        hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 2, contextLength: 16)
}

@Suite struct DecoderGradientTests {
    /// A decoder whose weights are large enough for every path to carry a gradient.
    private func microDecoder() throws -> (Decoder, [UInt16], [UInt16]) {
        let layout = ModelLayout(try microConfiguration())
        var generator = SplitMix(state: 3)
        let parameters = Initialization.parameters(layout, seed: 5).map {
            $0 == 1 ? Float.random(in: 0.5...1.5, using: &generator) : $0 * 10
        }
        let decoder = Decoder(layout: layout, parameters: parameters, sequences: 2)
        let tokens = (0..<32).map { _ in UInt16.random(in: 0..<260, using: &generator) }
        var targets = (0..<32).map { _ in UInt16.random(in: 0..<260, using: &generator) }
        targets[7] = CrossEntropy.ignoredTarget
        return (decoder, tokens, targets)
    }

    private func loss(_ decoder: Decoder, _ tokens: [UInt16], _ targets: [UInt16]) -> Double {
        tokens.withUnsafeBufferPointer { tokens in
            targets.withUnsafeBufferPointer { decoder.loss(tokens: tokens, targets: $0) }
        }
    }

    @Test func everyTensorsGradientMatchesDifferences() throws {
        let (decoder, tokens, targets) = try microDecoder()
        decoder.zeroGradient()
        let reported = tokens.withUnsafeBufferPointer { tokens in
            targets.withUnsafeBufferPointer {
                decoder.accumulateGradient(tokens: tokens, targets: $0, scale: 1)
            }
        }
        #expect(reported == loss(decoder, tokens, targets))
        let gradient = Array(decoder.gradient)
        var generator = SplitMix(state: 11)
        for tensor in decoder.layout.tensors {
            let range = tensor.offset..<tensor.offset + tensor.count
            // Along the gradient itself, a direction in which nothing cancels, and along one drawn at random.
            let norm = gradient[range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(norm > 1e-3, "\(tensor.name) gets no gradient")
            let drawn = range.map { _ in Double(Bool.random(using: &generator) ? 1 : -1) }
            let drawnNorm = Double(tensor.count).squareRoot()
            for direction in [gradient[range].map { Double($0) / norm }, drawn.map { $0 / drawnNorm }] {
                let step = 5e-3
                let kept = Array(decoder.parameters[range])
                func at(_ distance: Double) -> Double {
                    for (index, value) in zip(range, zip(kept, direction)) {
                        decoder.parameters[index] = Float(Double(value.0) + distance * value.1)
                    }
                    return loss(decoder, tokens, targets)
                }
                let difference = (at(step) - at(-step)) / (2 * step)
                for (index, value) in zip(range, kept) { decoder.parameters[index] = value }
                let expected = zip(gradient[range], direction).reduce(0) { $0 + Double($1.0) * $1.1 }
                #expect(
                    abs(difference - expected) <= 5e-3 * norm,
                    "\(tensor.name): difference \(difference), gradient \(expected), norm \(norm)")
            }
        }
    }

    @Test func gradientsOfPassesAddUp() throws {
        let (decoder, tokens, targets) = try microDecoder()
        func pass(_ scale: Float) {
            tokens.withUnsafeBufferPointer { tokens in
                targets.withUnsafeBufferPointer {
                    _ = decoder.accumulateGradient(tokens: tokens, targets: $0, scale: scale)
                }
            }
        }
        decoder.zeroGradient()
        pass(1)
        let once = Array(decoder.gradient)
        pass(1)
        for (two, one) in zip(decoder.gradient, once) {
            #expect(abs(two - 2 * one) <= 1e-4 * max(1, abs(one)))
        }
    }

    @Test func laterTokensDoNotChangeEarlierLosses() throws {
        var (decoder, tokens, targets) = try microDecoder()
        for index in targets.indices where index >= 9 { targets[index] = CrossEntropy.ignoredTarget }
        let before = loss(decoder, tokens, targets)
        for index in tokens.indices where index >= 9 { tokens[index] = 77 }
        #expect(loss(decoder, tokens, targets) == before)
    }

    @Test func untrainedModelGuessesUniformly() throws {
        let layout = ModelLayout(try microConfiguration())
        let decoder = Decoder(
            layout: layout, parameters: Initialization.parameters(layout, seed: 1), sequences: 1)
        let tokens = (0..<16).map { UInt16(3 + $0) }
        let mean = loss(decoder, tokens, Array(tokens.reversed())) / 16
        #expect(abs(mean - 5.5607) < 0.1)
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
        #expect(abs(variance.squareRoot() - 0.02) < 0.001)
        // Pinned, so that another machine or compiler that draws other weights is noticed.
        #expect(first[0].bitPattern == 0 && first[4159].bitPattern == 0)
    }
}
