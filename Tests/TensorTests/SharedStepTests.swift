import CKernels
import Crypto
import Testing

@testable import Tensor

/// One shared AdamW over Hadamard coefficients, held against plain loops over whole vectors.
@Suite("The shared optimizer's step")
struct SharedStepTests {
    private let layout: ParameterLayout
    private let rule = AveragingRule(members: 4, step: .sharedAdamW(rateNano: 6_000_000))
    private let profile = CodecProfile.topK(kept: 128, bits: 2)

    init() throws { layout = try TestLayouts.several() }

    private func entries(_ seed: UInt64) throws -> [AveragingEntry] {
        var random = TestRandom(seed)
        return try (0..<4).map { _ in
            var residual = [Float](repeating: 0, count: layout.parameterCount)
            let payload = try ContributionEncoder.encode(
                layout: layout, profile: profile, errorFeedback: .standard, transform: .hadamard,
                delta: random.pseudoGradient(layout.parameterCount), residual: &residual
            ).payload
            return AveragingEntry(
                contribution: try Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile))
        }
    }

    private struct State: Equatable {
        var parameters: [Float]
        var second: [Float]
        var roots: [Digest] = []
    }

    private func step(_ entries: [AveragingEntry], from state: State, workers: Int = 1) throws -> State {
        let (parameters, second) = (MemoryBlockSink(), MemoryBlockSink())
        let result = try Averager.average(
            layout: layout, entries: entries, rule: rule, base: ParameterArray(state.parameters), output: parameters,
            second: SecondMoment(base: ParameterArray(state.second), output: second), workers: workers)
        let secondRoot = try ParameterFile.tree(of: ParameterArray(second.values)).root
        return State(
            parameters: parameters.values, second: second.values, roots: [result.tree.root, secondRoot])
    }

    private var start: State {
        var random = TestRandom(100)
        return State(
            parameters: random.pseudoGradient(layout.parameterCount),
            second: [Float](repeating: 0, count: layout.parameterCount))
    }

    /// The average before the transform: what a rate of one adds to a base of zeros.
    private func coefficients(_ entries: [AveragingEntry]) throws -> [Float] {
        let sink = MemoryBlockSink()
        _ = try Averager.average(
            layout: layout, entries: entries, rule: .ofFour,
            base: ParameterArray([Float](repeating: 0, count: layout.parameterCount)), output: sink, workers: 1)
        return sink.values
    }

    @Test func blocksEqualAPlainLoopOverWholeVectors() throws {
        let batches = [try entries(80), try entries(81)]
        var state = start
        var (parameters, second) = (state.parameters, state.second)
        for entries in batches {
            state = try step(entries, from: state)
            var direction = try coefficients(entries)
            for index in 0..<layout.chunkCount {
                let chunk = layout.chunk(at: index)
                var values = Array(direction[chunk.range])
                var done = 0
                while done < chunk.count {
                    var length = 4096
                    while length > chunk.count - done { length /= 2 }
                    values.withUnsafeMutableBufferPointer { mesh_hadamard_scalar($0.baseAddress! + done, length) }
                    done += length
                }
                direction.replaceSubrange(chunk.range, with: values)
            }
            let rate = Float(6_000_000) / 1e9
            for tensor in layout.tensors {
                let keep = tensor.shape.count > 1 ? 1 - rate * 0.1 : 1
                for index in tensor.range {
                    let value = direction[index]
                    let (kept, added) = (Float(0.98) * second[index], Float(0.02) * (value * value))
                    second[index] = second[index] == 0 ? value * value : kept + added
                    let change = rate * (value / (second[index].squareRoot() + 1e-8))
                    let held = keep * parameters[index]
                    parameters[index] = held - change
                }
            }
        }
        #expect(state.parameters == parameters)
        #expect(state.second == second)
    }

    @Test func anyNumberOfWorkersGivesTheSameRoots() throws {
        let entries = try entries(82)
        let one = try step(entries, from: start)
        for workers in [2, 5] { #expect(try step(entries, from: start, workers: workers) == one) }
        #expect(try ParameterFile.tree(of: ParameterArray(one.parameters)).root == one.roots[0])
        #expect(try ParameterFile.tree(of: ParameterArray(one.second)).root == one.roots[1])
        #expect(one.roots.map(\.short) == ["43c215905c46", "33989ad77fce"])
    }

    @Test func anEmptyManifestLeavesTheStateAsItIs() throws {
        let after = try step([], from: try step(try entries(83), from: start))
        let before = try step(try entries(83), from: start)
        #expect(after == before)
    }

    @Test func whatASiteDidNotSendStaysInItsResidual() throws {
        var random = TestRandom(84)
        let gradient = random.pseudoGradient(layout.parameterCount)
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let payload = try ContributionEncoder.encode(
            layout: layout, profile: profile, errorFeedback: .standard, transform: .hadamard, delta: gradient,
            residual: &residual
        ).payload
        let sent = try decoded(
            Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile)
        ).map { Float($0) * 0x1p-40 }
        var whole = zip(sent, residual).map { $0 + $1 }
        for index in 0..<layout.chunkCount {
            let chunk = layout.chunk(at: index)
            whole.withUnsafeMutableBufferPointer {
                ChunkTransform.hadamard.apply(to: $0.baseAddress! + chunk.offset, count: chunk.count)
            }
        }
        let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let lost = zip(whole, gradient).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
        #expect(lost <= 1e-5 * norm)
    }
}
