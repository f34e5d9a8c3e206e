import Testing

@testable import Tensor

@Suite("Weights under clip-nnm-gm")
struct RobustWeightsTests {
    private static let one = UInt64(FixedPoint.oneQ30)

    private func plan(_ deltas: [[Float]], weights: [UInt64]? = nil, members: Int = 7) throws -> AveragingPlan {
        let layout = try ParameterLayout([("w", [deltas[0].count])])
        let entries = try deltas.enumerated().map { place, delta in
            AveragingEntry(
                contribution: try contribution(layout, .denseFloat32, delta: delta).contribution,
                weightQ30: weights?[place] ?? Self.one)
        }
        return AveragingPlan(
            statistics: try Averager.statistics(layout: layout, entries: entries, workers: 1),
            weightsQ30: entries.map(\.weightQ30),
            rule: AveragingRule(members: members, step: .add(rateQ16: 1 << 16), method: .geometricMedian),
            isDense: true)
    }

    /// Contributions of honest sites: a common part and noise of their own.
    private func honest(_ count: Int, seed: UInt64) -> [[Float]] {
        var random = TestRandom(seed)
        let common = random.pseudoGradient(5000)
        return (0..<count).map { _ in zip(common, random.pseudoGradient(5000)).map { $0 + $1 } }
    }

    @Test(arguments: 0..<8)
    func noWeightGrows(seed: UInt64) throws {
        var random = TestRandom(seed)
        let weights = (0..<7).map { _ in UInt64.random(in: 0...7 * Self.one, using: &random) }
        let shifted = try plan(honest(7, seed: seed), weights: weights).sharedWeightsQ30
        #expect(zip(shifted, weights).allSatisfy { $0 <= $1 })
        #expect(zip(shifted, weights).contains { $0 == $1 && $1 > 0 })
    }

    /// Few are listed, and one of them lies in the middle of the others.
    @Test(arguments: [(3, 7), (4, 7), (5, 7), (4, 10), (5, 13), (8, 22)])
    func contributionInTheMiddleGainsNoWeight(listed: Int, members: Int) throws {
        var random = TestRandom(50)
        var deltas = (1..<listed).map { _ in random.pseudoGradient(3000) }
        deltas.append(deltas[0].indices.map { index in deltas.reduce(0) { $0 + $1[index] } / Float(listed - 1) })
        #expect(try plan(deltas, members: members).sharedWeightsQ30.allSatisfy { $0 <= Self.one })
    }

    @Test(arguments: 0..<4)
    func contributionsAgainstTheOthersLoseTheirWeight(seed: UInt64) throws {
        var deltas = honest(7, seed: seed + 20)
        let mean = deltas[0].indices.map { index in deltas.reduce(0) { $0 + $1[index] } / 7 }
        deltas[2] = mean.map { -3 * $0 }
        deltas[5] = mean.map { -2.5 * $0 + 0.001 }
        let weights = try plan(deltas).sharedWeightsQ30
        for hostile in [2, 5] {
            for other in [0, 1, 3, 4, 6] { #expect(3 * weights[hostile] < weights[other]) }
        }
    }

    @Test func equalContributionsKeepEqualWeights() throws {
        let deltas = Array(repeating: honest(1, seed: 40)[0], count: 4)
        let weights = try plan(deltas, members: 4).sharedWeightsQ30
        // Near copies share one weight, whatever the method.
        #expect(weights.allSatisfy { abs(Int64($0) - Int64(Self.one / 4)) < 16 })
    }

    @Test func fewOrEmptyContributionsAreAveragedAsTheyAre() throws {
        #expect(try plan(honest(1, seed: 41)).sharedWeightsQ30 == [Self.one])
        let zeros = try plan([[0, 0, 0], [0, 0, 0], [0, 0, 0]]).sharedWeightsQ30
        #expect(zeros.allSatisfy { abs(Int64($0) - Int64(Self.one)) < 16 })
        #expect(try plan(honest(3, seed: 42), weights: [0, 0, 0]).sharedWeightsQ30 == [0, 0, 0])
    }

    /// What peers of two builds must agree on.
    @Test func pinnedWeights() throws {
        let weights = try plan(honest(5, seed: 43), weights: [1, 2, 1, 1, 3].map { $0 * Self.one }).sharedWeightsQ30
        #expect(weights == [1_073_741_824, 1_767_045_156, 298_767_580, 1_073_741_824, 2_495_724_922])
    }

    @Test func anyNumberOfWorkersGivesTheSameRoot() throws {
        let layout = try TestLayouts.several()
        var random = TestRandom(44)
        let base = ParameterArray(random.pseudoGradient(layout.parameterCount))
        let entries = try (0..<5).map { _ in
            AveragingEntry(
                contribution: try contribution(
                    layout, .topK(kept: 1024, bits: 2), delta: random.pseudoGradient(layout.parameterCount)
                ).contribution)
        }
        let roots = try [1, 2, 5].map { workers in
            try Averager.average(
                layout: layout, entries: entries,
                rule: AveragingRule(members: 5, step: .add(rateQ16: 1 << 16), method: .geometricMedian), base: base,
                output: MemoryBlockSink(), workers: workers
            ).tree.root
        }
        #expect(Set(roots).count == 1)
    }
}
