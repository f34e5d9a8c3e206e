import Crypto
import TestKit
import Testing

@testable import Tensor

/// A fresh implementation of the rule of Docs/averaging.md in plain loops over whole vectors, for small models.
private func plainAverage(
    layout: ParameterLayout, values: [[Int64]], units: (Int, Int) -> Int64?, multipliers: [[UInt64]],
    least: Int64, rate: Float, base: [Float]
) -> [Float] {
    var next = base
    for tensor in layout.tensors.indices {
        for index in layout.tensors[tensor].range {
            var sum: Int64 = 0
            var senders: Int64 = 0
            for entry in values.indices {
                if units(entry, index) == nil || values[entry][index] != 0 { senders += 1 }
                let multiplier = Int128(multipliers[entry][tensor])
                if let unit = units(entry, index) {
                    sum += values[entry][index] / unit * Int64((Int128(unit) * multiplier + (1 << 29)) >> 30)
                } else {
                    let magnitude = Int64((Int128(values[entry][index].magnitude) * multiplier + (1 << 29)) >> 30)
                    sum += values[entry][index] < 0 ? -magnitude : magnitude
                }
            }
            if senders > least { sum = Int64(Int128(sum) * Int128(least) / Int128(senders)) }
            let step = rate * (Float(sum) * 0x1p-40)
            next[index] = base[index] + step
        }
    }
    return next
}

extension AveragingRule {
    /// Of a network of four.
    static let ofFour = AveragingRule(members: 4, step: .add(rateQ16: 1 << 16))
}

@Suite("Averaging by clip-dedup-mean")
struct AveragingTests {
    private func average(
        _ layout: ParameterLayout, _ entries: [AveragingEntry], base: [Float], workers: Int = 1,
        rate: UInt32 = 1 << 16, members: Int = 4
    ) throws -> (root: Digest, values: [Float]) {
        let output = MemoryBlockSink()
        let tree = try Averager.average(
            layout: layout, entries: entries, rule: AveragingRule(members: members, step: .add(rateQ16: rate)),
            base: ParameterArray(base), output: output, workers: workers
        ).tree
        return (tree.root, output.values)
    }

    private func base(_ layout: ParameterLayout) -> [Float] {
        var random = TestRandom(100)
        return random.pseudoGradient(layout.parameterCount)
    }

    private func plan(_ entries: [AveragingEntry]) throws -> AveragingPlan {
        let statistics = try Averager.statistics(layout: entries[0].contribution.layout, entries: entries, workers: 1)
        return AveragingPlan(
            statistics: statistics, weightsQ30: entries.map(\.weightQ30), rule: .ofFour,
            isDense: entries.allSatisfy { $0.contribution.profile.isDense })
    }

    private func entries(_ layout: ParameterLayout, _ deltas: [[Float]], _ profile: CodecProfile) throws
        -> [AveragingEntry]
    {
        try deltas.map { AveragingEntry(contribution: try contribution(layout, profile, delta: $0).contribution) }
    }

    @Test(arguments: profiles)
    func anyNumberOfWorkersGivesTheSameRoot(profile: CodecProfile) throws {
        let layout = try TestLayouts.several()
        var random = TestRandom(20)
        let entries = try entries(layout, (0..<4).map { _ in random.pseudoGradient(layout.parameterCount) }, profile)
        let base = base(layout)
        let one = try average(layout, entries, base: base)
        for workers in [2, 5] {
            let other = try average(layout, entries, base: base, workers: workers)
            #expect(other.root == one.root)
            #expect(other.values == one.values)
        }
        #expect(try ParameterFile.tree(of: ParameterArray(one.values)).root == one.root)
        #expect(one.values != base)
    }

    @Test
    func blocksEqualAPlainLoopOverWholeVectorsAlsoForMixedProfiles() throws {
        let weights: [UInt64] = [1, 0, 1, 1, 2]
        let layout = try TestLayouts.several()
        var random = TestRandom(21)
        let profiles: [CodecProfile] = [
            .standard, .denseFloat32, .topK(kept: 200, bits: 4), .denseFloat32, .topK(kept: 1024, bits: 2),
        ]
        let entries = try zip(profiles, weights).map { profile, weight in
            AveragingEntry(
                contribution: try contribution(
                    layout, profile, delta: random.pseudoGradient(layout.parameterCount)
                ).contribution, weightQ30: weight << 30)
        }
        let values = try entries.map { try decoded($0.contribution) }
        var chunkUnits: [[Int64?]] = []
        for entry in entries {
            let decoder = SegmentDecoder(entry.contribution)
            chunkUnits.append(
                try (0..<layout.chunkCount).map { index in
                    if case .sparse(_, _, let unit) = try decoder.chunk(index) { return max(unit, 1) }
                    return nil
                })
        }
        let base = base(layout)
        let expected = plainAverage(
            layout: layout, values: values, units: { chunkUnits[$0][layout.chunkIndex(containing: $1)] },
            multipliers: try plan(entries).multipliersQ30, least: 2, rate: 1, base: base)
        #expect(try average(layout, entries, base: base).values == expected)
    }

    @Test(arguments: profiles)
    func productsAndNormsEqualPlainLoops(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(22)
        let first = random.pseudoGradient(layout.parameterCount)
        let second = zip(first, random.pseudoGradient(layout.parameterCount)).map { $0 + 0.5 * $1 }
        let list =
            try entries(layout, [first, second], profile)
            + [AveragingEntry(contribution: try contribution(layout, .denseFloat32, delta: second).contribution)]
        let statistics = try Averager.statistics(layout: layout, entries: list, workers: 2)
        let values = try list.map { try decoded($0.contribution) }
        for left in 0..<3 {
            for right in left + 1..<3 {
                var product: Int128 = 0
                for index in values[left].indices {
                    product += Int128(values[left][index]) * Int128(values[right][index])
                }
                #expect(statistics.product(left, right) == product)
            }
            #expect(statistics.measures[left] == (try list[left].contribution.measure()))
        }
    }

    @Test
    func theOrderOfTheManifestDoesNotShowInTheResult() throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(23)
        let list = try entries(layout, (0..<5).map { _ in random.pseudoGradient(layout.parameterCount) }, .standard)
        let base = base(layout)
        #expect(try average(layout, list, base: base).root == average(layout, list.reversed(), base: base).root)
    }

    @Test
    func anEmptyManifestLeavesTheBaseBitForBit() throws {
        let layout = try TestLayouts.small()
        var base = base(layout)
        base[17] = -0.0
        let next = try average(layout, [], base: base, workers: 2)
        #expect(next.values.map(\.bitPattern) == base.map(\.bitPattern))
        #expect(try ParameterFile.tree(of: ParameterArray(base)).root == next.root)
    }

    @Test
    func oneContributionMovesTheBaseByItsRate() throws {
        let layout = try ParameterLayout([("w", [8])])
        let delta: [Float] = [0.5, -0.25, 0, 1, 2, -4, 0.125, 3]
        let next = try average(
            layout, entries(layout, [delta], .denseFloat32), base: [Float](repeating: 1, count: 8), rate: 3 << 15,
            members: 1)
        #expect(next.values == delta.map { 1 + 1.5 * $0 })
    }

    @Test
    func theSumIsDividedByTheSendersAndByMoreThanFAtLeast() throws {
        let layout = try ParameterLayout([("w", [4096])])
        // Threes, which the codec writes exactly. Four send coordinate 0, three 1, two 2, and one 3. All are of one length, and none is a near copy.
        let sent = [[0, 1, 2, 3], [0, 1, 2, 20], [0, 1, 30, 31], [0, 40, 41, 42]]
        let deltas = sent.map { places in (0..<4096).map { places.contains($0) ? Float(3) : 0 } }
        let list = try entries(layout, deltas, .topK(kept: 4, bits: 2))
        let senders = [4.0, 3, 2, 1]
        for (members, least) in [(1, 1.0), (4, 2), (7, 3), (16, 6)] {
            let next = try average(layout, list, base: [Float](repeating: 0, count: 4096), members: members)
            for place in 0..<4 {
                let expected = senders[place] / max(senders[place], least)
                #expect(abs(Double(next.values[place]) - 3 * expected) < 1e-5)
            }
        }
    }

    @Test
    func aSenderOfHalfTheWeightCountsAsOne() throws {
        let layout = try ParameterLayout([("w", [4096])])
        let sent = [[0, 1], [0, 2], [0, 3]]
        let list = try sent.map { places in
            let delta = (0..<4096).map { places.contains($0) ? Float(3) : 0 }
            return AveragingEntry(
                contribution: try contribution(layout, .topK(kept: 2, bits: 2), delta: delta).contribution,
                weightQ30: 1 << 29)
        }
        for (members, expected) in [(1, 0.5), (4, 0.5), (16, 0.25)] {
            let next = try average(layout, list, base: [Float](repeating: 0, count: 4096), members: members)
            #expect(abs(Double(next.values[0]) - 3 * expected) < 1e-5)
        }
    }

    /// Whatever one member sends, it moves no coordinate by more than its own clipped value divided by f + 1.
    @Test(arguments: [CodecProfile.standard, .denseFloat32])
    func oneMemberMovesNoCoordinateByMoreThanItsShare(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(31)
        let honest = try entries(layout, (0..<3).map { _ in random.pseudoGradient(layout.parameterCount) }, profile)
        let hostile = try entries(layout, [random.pseudoGradient(layout.parameterCount).map { 50 * $0 }], profile)
        let base = [Float](repeating: 0, count: layout.parameterCount)
        let without = try average(layout, honest, base: base).values
        let with = try average(layout, honest + hostile, base: base).values
        let plan = try plan(honest + hostile)
        let values = try (honest + hostile).map { try decoded($0.contribution) }
        for tensor in layout.tensors.indices {
            for index in layout.tensors[tensor].range {
                func clipped(_ entry: Int) -> Double {
                    Double(values[entry][index]) * 0x1p-40 * Double(plan.clipFactorsQ30[entry][tensor]) * 0x1p-30
                }
                // It adds its own share, and may shorten the others' by one more sender.
                let others = (0..<3).map { abs(clipped($0)) }.reduce(0, +)
                let share = abs(clipped(3)) / 2 + others / 2
                #expect(abs(Double(with[index] - without[index])) <= share * 1.5 + 1e-6)
            }
        }
    }

    @Test
    func aNormAboveTheLowerMedianIsClippedToIt() throws {
        let layout = try ParameterLayout([("w", [4])])
        let deltas: [[Float]] = [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 100, 0], [0, 0, 0, 1000]]
        let next = try average(layout, entries(layout, deltas, .denseFloat32), base: [0, 0, 0, 0], rate: 1 << 16)
        // Four send each coordinate, zeros too.
        for (value, expected) in zip(next.values, [0.25, 0.5, 0.5, 0.5] as [Float]) {
            #expect(abs(value - expected) < 1e-5)
        }
        #expect(AveragingPlan.clipFactorsQ30([5, 20, 10, 0]) == [1 << 30, 1 << 28, 1 << 29, 1 << 30])
        #expect(AveragingPlan.clipFactorsQ30([0, 0, 7]) == [1 << 30, 1 << 30, 0])
    }

    @Test
    func eachTensorIsClippedToItsOwnMedian() throws {
        let layout = try ParameterLayout([("a", [2]), ("b", [2])])
        let deltas: [[Float]] = [[1, 0, 9, 0], [0, 1, 0, 9], [9, 0, 0, 1]]
        let multipliers = try plan(entries(layout, deltas, .denseFloat32)).multipliersQ30
        // All send every coordinate: the divisor is three, the number of senders.
        let third = UInt64(FixedPoint.oneQ30 / 3)
        #expect(multipliers[0] == [third, third])
        #expect(multipliers[1] == [third, third])
        #expect(abs(Int(multipliers[2][0]) - Int(third) / 9) <= 2)
        #expect(multipliers[2][1] == third)
    }

    @Test
    func nearCopiesShareOneWeight() throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(24)
        let original = random.pseudoGradient(layout.parameterCount)
        let noise = random.pseudoGradient(layout.parameterCount)
        let other = random.pseudoGradient(layout.parameterCount)
        let near = zip(original, noise).map { $0 + 0.1 * $1 }
        let opposite = original.map { -$0 }
        let list = try entries(layout, [original, other, original, near, opposite], .denseFloat32)
        let one = UInt64(FixedPoint.oneQ30)
        #expect(try plan(list).sharedWeightsQ30 == [one / 3, one, one / 3, one / 3, one])
        let weighted = [(0, one / 2), (2, one / 4), (1, one / 8)].map {
            AveragingEntry(contribution: list[$0.0].contribution, weightQ30: $0.1)
        }
        #expect(try plan(weighted).sharedWeightsQ30 == [one / 3, one / 6, one / 8])
    }

    @Test
    func theCosineIsComparedExactlyAtItsThreshold() throws {
        func statistics(_ second: [Float]) throws -> AveragingStatistics {
            let layout = try ParameterLayout([("w", [2])])
            return try Averager.statistics(
                layout: layout, entries: entries(layout, [[5, 0], second], .denseFloat32), workers: 1)
        }
        // cos = 9 / |(9, x)|: exactly 0.9 where x * x = 19.
        #expect(try statistics([9, 4.3588986]).areNearCopies(0, 1))
        #expect(try !statistics([9, 4.3588994]).areNearCopies(0, 1))
        #expect(try !statistics([-9, 0]).areNearCopies(0, 1))
        #expect(try !statistics([0, 0]).areNearCopies(0, 1))
        #expect(try statistics([0x1p-38, 0]).areNearCopies(0, 1))
    }

    @Test
    func aContributionThatDoesNotDecodeIsNamedByItsPlace() throws {
        let layout = try TestLayouts.several()
        let good = try contribution(layout, .standard, seed: 25).contribution
        var bytes = try #require(good.payload as? MemoryPayload).bytes
        // Both bytes of the head word of segment 1's first chunk: a scale beyond the largest.
        let start = good.range(ofSegment: 1).lowerBound
        bytes[start] = 255
        bytes[start + layout.chunks(ofSegment: 1).count] |= 3
        let bad = try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: .standard)
        let list = [AveragingEntry(contribution: good), AveragingEntry(contribution: bad)]
        #expect(throws: AveragingError.contribution(entry: 1, .scaleOutOfRange(chunk: 256))) {
            try average(layout, list, base: base(layout), workers: 2)
        }
    }

    @Test
    func aStepOutOfFloat32NamesItsBlock() throws {
        let layout = try ParameterLayout([("w", [300_000])])
        var delta = [Float](repeating: 0, count: 300_000)
        delta[299_999] = 1000
        var base = [Float](repeating: 1, count: 300_000)
        base[299_999] = .greatestFiniteMagnitude
        #expect(throws: Never.self) { try average(layout, entries(layout, [delta], .denseFloat32), base: base) }
        base[299_999] = .infinity
        #expect(throws: AveragingError.nonFinite(block: 1)) {
            try average(layout, entries(layout, [delta], .denseFloat32), base: base)
        }
    }

    @Test
    func filesAverageLikeMemory() throws {
        let folder = TemporaryFolder()
        let layout = try TestLayouts.several()
        let list = try (0..<3).map {
            AveragingEntry(contribution: try contribution(layout, .standard, seed: $0).contribution)
        }
        let base = base(layout)
        let root = try ParameterFile.write(ParameterArray(base), to: folder.file("base")).name
        let file = try ParameterFile(
            path: folder.file("base"), parameterCount: layout.parameterCount, expectedRoot: root)
        let writer = try ParameterFileWriter(
            path: folder.file("next"), shape: StateShape(parameterCount: layout.parameterCount))
        let tree = try Averager.average(
            layout: layout, entries: list, rule: .ofFour, base: file, output: writer, workers: 2
        ).tree
        #expect(try writer.finish().name == tree.root)
        #expect(try average(layout, list, base: base).root == tree.root)
        try ParameterFile(
            path: folder.file("next"), parameterCount: layout.parameterCount, expectedRoot: tree.root
        ).verify()

        var bytes = folder.bytes("base")
        bytes[ParameterLayout.blockBytes + 77] ^= 4
        folder.write(bytes, to: "base")
        let broken = try ParameterFile(
            path: folder.file("base"), parameterCount: layout.parameterCount, expectedRoot: root)
        let error = AveragingError.file(.damaged(file: folder.file("base"), place: "block 1"))
        #expect(throws: error) {
            try Averager.average(
                layout: layout, entries: list, rule: .ofFour, base: broken, output: MemoryBlockSink(), workers: 2)
        }
    }
}
