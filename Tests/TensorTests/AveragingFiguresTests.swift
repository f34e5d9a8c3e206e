import Testing

@testable import Tensor

/// What is said of each contribution of an average, held against plain double precision.
@Suite("Figures of an average")
struct AveragingFiguresTests {
    private func figures(_ entries: [AveragingEntry], workers: Int = 1) throws -> AveragingFigures {
        let layout = entries[0].contribution.layout
        var random = TestRandom(100)
        return try Averager.average(
            layout: layout, entries: entries, rule: .ofFour,
            base: ParameterArray(random.pseudoGradient(layout.parameterCount)), output: MemoryBlockSink(),
            workers: workers
        ).figures
    }

    private func entries(
        _ layout: ParameterLayout, _ deltas: [[Float]], _ profile: CodecProfile = .denseFloat32
    ) throws -> [AveragingEntry] {
        try deltas.map { AveragingEntry(contribution: try contribution(layout, profile, delta: $0).contribution) }
    }

    private func product(_ left: [Double], _ right: [Double]) -> Double {
        var sum = 0.0
        for (one, other) in zip(left, right) { sum += one * other }
        return sum
    }

    private func cosine(_ left: [Double], _ right: [Double]) -> Double {
        product(left, right) / (product(left, left) * product(right, right)).squareRoot()
    }

    /// The rule of Docs/averaging.md in plain double precision: what a contribution's tensors are multiplied with by
    /// clipping.
    private func clipFactors(_ layout: ParameterLayout, _ values: [[Double]]) -> [[Double]] {
        func factors(_ norms: [Double]) -> [Double] {
            let median = norms.sorted()[(norms.count - 1) / 2]
            return norms.map { $0 <= median ? 1 : median / $0 }
        }
        let whole = factors(values.map { product($0, $0).squareRoot() })
        var result = values.map { _ in [Double]() }
        for tensor in layout.tensors {
            let parts = factors(
                values.map { value in
                    let part = Array(value[tensor.range])
                    return product(part, part).squareRoot()
                })
            for entry in values.indices { result[entry].append(min(whole[entry], parts[entry])) }
        }
        return result
    }

    /// The largest difference that rounding to millionths and the rounding of scales and multipliers explain.
    private func expectClose(_ millionths: Int64?, _ value: Double, within tolerance: Int64 = 2) {
        #expect(millionths.map { abs($0 - Int64((value * 1e6).rounded())) <= tolerance } ?? false, "\(value)")
    }

    @Test(arguments: profiles, [UInt64(1), 2, 3])
    func theyMatchPlainDoublePrecision(profile: CodecProfile, seed: UInt64) throws {
        // The first one has two blocks, the boundary between them within a chunk.
        let layout =
            seed == 1 ? try ParameterLayout([("a", [70_001]), ("b", [130, 2000])]) : try TestLayouts.small()
        var random = TestRandom(40 + seed)
        var deltas = (0..<5).map { _ in random.pseudoGradient(layout.parameterCount) }
        // One that is long, one that leans to another, one that largely undoes a third.
        deltas[1] = deltas[1].map { 3 * $0 }
        deltas[3] = zip(deltas[3], deltas[0]).map { $0 + 0.7 * $1 }
        deltas[4] = zip(deltas[4], deltas[2]).map { 0.4 * $0 - $1 }
        var entries = try entries(layout, deltas, profile)
        entries[2] = AveragingEntry(contribution: entries[2].contribution, weightQ30: UInt64(FixedPoint.oneQ30) / 2)
        let figures = try figures(entries, workers: 2)

        let values = try entries.map { try decoded($0.contribution).map { Double($0) } }
        let factors = clipFactors(layout, values)
        let weights = [1, 1, 0.5, 1, 1].map { $0 / 5 }
        var step = [Double](repeating: 0, count: layout.parameterCount)
        var clipped = values
        for entry in values.indices {
            for (tensor, factor) in zip(layout.tensors, factors[entry]) {
                for index in tensor.range {
                    clipped[entry][index] *= factor
                    step[index] += weights[entry] * clipped[entry][index]
                }
            }
        }
        // The shares are of five; the divisor is the number of senders, and two at least.
        for index in step.indices {
            let senders = values.indices.filter { profile.isDense || values[$0][index] != 0 }
            step[index] *= 5 / Double(max(2, senders.count))
        }
        for entry in values.indices {
            let figure = figures.entries[entry]
            #expect(figure.sharedWeightMillionths == Int64((weights[entry] * 1e6).rounded()))
            expectClose(
                figure.clipFactorMillionths,
                (product(clipped[entry], clipped[entry]) / product(values[entry], values[entry])).squareRoot())
            expectClose(figure.stepCosineMillionths, cosine(values[entry], step))
            let others = values.indices.filter { $0 != entry }.map { ($0, cosine(values[entry], values[$0])) }
            let nearest = try #require(others.max { $0.1 < $1.1 })
            let farthest = try #require(others.min { $0.1 < $1.1 })
            #expect(figure.nearest?.entry == nearest.0 && figure.farthest?.entry == farthest.0)
            expectClose(figure.nearest?.cosineMillionths, nearest.1)
            expectClose(figure.farthest?.cosineMillionths, farthest.1)
        }
        let opposed = values.indices.flatMap { first in
            values.indices.dropFirst(first + 1).filter { cosine(values[first], values[$0]) < -0.5 }
                .map { AveragingFigures.Pair(first: first, second: $0) }
        }
        #expect(figures.opposedPairs == opposed)
        #expect(opposed == [AveragingFigures.Pair(first: 2, second: 4)])
    }

    @Test(arguments: profiles)
    func aCopyHasCosineOneAndHalfAWeight(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(50)
        let original = random.pseudoGradient(layout.parameterCount)
        let deltas = [original, random.pseudoGradient(layout.parameterCount), original]
        let figures = try figures(entries(layout, deltas, profile))
        for (copy, other) in [(0, 2), (2, 0)] {
            #expect(figures.entries[copy].nearest == .init(entry: other, cosineMillionths: 1_000_000))
            #expect(figures.entries[copy].sharedWeightMillionths == 166_667)
        }
        #expect(figures.entries[1].sharedWeightMillionths == 333_333)
        #expect(figures.opposedPairs.isEmpty)
    }

    @Test(arguments: profiles)
    func aNegativeHasCosineMinusOne(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(51)
        let original = random.pseudoGradient(layout.parameterCount)
        let other = random.pseudoGradient(layout.parameterCount)
        let negative = original.map { -$0 }
        let two = try figures(entries(layout, [original, negative], profile))
        for entry in 0..<2 {
            #expect(two.entries[entry].nearest == .init(entry: 1 - entry, cosineMillionths: -1_000_000))
            #expect(two.entries[entry].stepCosineMillionths == nil, "nothing is left of a step")
        }
        let three = try figures(entries(layout, [original, other, negative], profile))
        #expect(three.entries[0].farthest == .init(entry: 2, cosineMillionths: -1_000_000))
        #expect(three.entries[2].farthest == .init(entry: 0, cosineMillionths: -1_000_000))
        #expect(three.entries[0].nearest?.entry == 1)
        #expect(three.opposedPairs == [AveragingFigures.Pair(first: 0, second: 2)])
        #expect(three.entries.map(\.sharedWeightMillionths) == [333_333, 333_333, 333_333])
    }

    @Test(arguments: profiles)
    func anyNumberOfWorkersGivesTheSameFigures(profile: CodecProfile) throws {
        let layout = try TestLayouts.several()
        var random = TestRandom(52)
        let entries = try entries(
            layout, (0..<4).map { _ in random.pseudoGradient(layout.parameterCount) }, profile)
        let one = try figures(entries)
        for workers in [2, 5] { #expect(try figures(entries, workers: workers) == one) }
    }

    @Test func oneContributionIsTheStep() throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(53)
        let figures = try figures(entries(layout, [random.pseudoGradient(layout.parameterCount)]))
        #expect(
            figures.entries == [
                .init(
                    sharedWeightMillionths: 1_000_000, clipFactorMillionths: 1_000_000,
                    stepCosineMillionths: 1_000_000, nearest: nil, farthest: nil)
            ])
    }

    @Test func nothingIsSaidOfTheAnglesOfZero() throws {
        let layout = try ParameterLayout([("w", [4])])
        let figures = try figures(entries(layout, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]))
        #expect(figures.entries.map(\.stepCosineMillionths) == [nil, nil, nil], "clipped to a median of zero")
        #expect(figures.entries.allSatisfy { $0.nearest == nil && $0.farthest == nil })
        #expect(figures.entries.map(\.clipFactorMillionths) == [1_000_000, 0, 1_000_000])
    }

    @Test func anEmptyManifestHasNone() throws {
        let layout = try ParameterLayout([("w", [4])])
        let figures = try Averager.average(
            layout: layout, entries: [], rule: .ofFour, base: ParameterArray([1, 2, 3, 4]),
            output: MemoryBlockSink(), workers: 1
        ).figures
        #expect(figures == .none)
    }

    /// cos = -1/2 exactly where the second coordinate is the square root of 3.
    @Test(arguments: [(Float(1.7320508), true), (1.7320509, false)])
    func opposedIsDecidedExactly(second: Float, isOpposed: Bool) throws {
        let layout = try ParameterLayout([("w", [2])])
        let statistics = try Averager.statistics(
            layout: layout, entries: entries(layout, [[1, 0], [-1, second]]), workers: 1)
        #expect(statistics.areOpposed(0, 1) == isOpposed)
        #expect(statistics.areOpposed(1, 0) == isOpposed)
    }

    /// Weights that no version has, on the longest contributions that there are: sums end at their limits.
    @Test func sumsBeyondAllLimitsSaturate() throws {
        let layout = try ParameterLayout([("w", [4096])])
        let delta = [Float](repeating: 1023, count: 4096)
        let contribution = try contribution(layout, .denseFloat32, delta: delta).contribution
        let list = (0..<40).map { _ in AveragingEntry(contribution: contribution, weightQ30: 40 << 30) }
        #expect(try figures(list).entries.allSatisfy { $0.nearest?.cosineMillionths == 1_000_000 })
    }
}
