import Crypto
import TestKit
import Testing

@testable import Tensor

@Suite("Pseudo-gradient codec")
struct CodecTests {
    @Test(arguments: profiles)
    func whatIsSentAndWhatIsKeptAddUpToWhatWasThere(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(3)
        var residual = random.pseudoGradient(layout.parameterCount)
        let delta = random.pseudoGradient(layout.parameterCount)
        let before = zip(delta, residual).map { change, kept in change + (Float(62_259) / 65_536) * kept }
        let (payload, _) = try ContributionEncoder.encode(
            layout: layout, profile: profile, errorFeedback: .standard, delta: delta, residual: &residual)
        let sent = try decoded(Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile))
        for index in before.indices {
            if profile == .denseFloat32 {
                #expect(residual[index] == 0)
                #expect(
                    abs(Float(sent[index]) * 0x1p-40 - before[index]) <= 0x1p-41 + before[index].magnitude * 0x1p-24)
            } else if profile == .denseBFloat16 {
                let upper = before[index] - residual[index]
                #expect(upper.bitPattern & 0xFFFF == 0)
                #expect(residual[index].magnitude <= before[index].magnitude * 0x1p-8)
                #expect(abs(Float(sent[index]) * 0x1p-40 - upper) <= 0x1p-41)
            } else {
                #expect(residual[index] == before[index] - Float(sent[index]) * 0x1p-40)
            }
        }
    }

    @Test
    func eachChunkSendsItsLargestValues() throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(4)
        let delta = random.pseudoGradient(layout.parameterCount)
        let values = try decoded(contribution(layout, .standard, delta: delta).contribution)
        for index in 0..<layout.chunkCount {
            let chunk = layout.chunk(at: index)
            let sent = chunk.range.filter { values[$0] != 0 }
            #expect(sent.count == max(1, 64 * chunk.count / 4096))
            let smallest = sent.map { delta[$0].magnitude }.min() ?? 0
            #expect(chunk.range.allSatisfy { values[$0] != 0 || delta[$0].magnitude <= smallest })
            #expect(sent.allSatisfy { (values[$0] > 0) == (delta[$0] > 0) })
        }
    }

    @Test
    func emptyAndNearlyEmptyChunksSendOnlyWhatIsThere() throws {
        let layout = try TestLayouts.small()
        var delta = [Float](repeating: 0, count: layout.parameterCount)
        delta[5000] = -0.5
        delta[5001] = 0x1p-140
        let (sent, norm) = try contribution(layout, .standard, delta: delta)
        let values = try decoded(sent)
        #expect(values.indices.filter { values[$0] != 0 }.contains(5000))
        #expect(values.enumerated().allSatisfy { $0.element == 0 || $0.offset == 5000 || $0.offset == 5001 })
        #expect(try sent.validate(claimedNorm: norm).norm == norm)
    }

    @Test
    func anAllZeroContributionIsValidAndHasNormZero() throws {
        let layout = try TestLayouts.small()
        for profile in profiles {
            let zeros = [Float](repeating: -0.0, count: layout.parameterCount)
            let (sent, norm) = try contribution(layout, profile, delta: zeros)
            #expect(norm == 0)
            #expect(try sent.measure().squareSums.allSatisfy { $0 == 0 })
        }
    }

    @Test
    func quantisationKeepsMostOfTheEnergy() throws {
        let layout = try ParameterLayout([("w", [64, 4096])])
        var random = TestRandom(5)
        let delta = random.pseudoGradient(layout.parameterCount)
        for (bits, share) in [(1, 0.5), (2, 0.3), (4, 0.1), (8, 0.001)] {
            let values = try decoded(contribution(layout, .topK(kept: 64, bits: bits), delta: delta).contribution)
            var (error, energy) = (0.0, 0.0)
            for index in values.indices where values[index] != 0 {
                let difference = Double(delta[index]) - Double(values[index]) * 0x1p-40
                error += difference * difference
                energy += Double(delta[index]) * Double(delta[index])
            }
            #expect(error < share * energy)
        }
    }

    @Test(arguments: profiles)
    func theNormIsTheOneOfTheDecodedValues(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        let (sent, norm) = try contribution(layout, profile, seed: 6)
        var squares: UInt128 = 0
        for value in try decoded(sent) { squares += UInt128(value.magnitude) * UInt128(value.magnitude) }
        #expect(norm == FixedPoint.squareRoot(squares))
        #expect(try sent.measure().squareSum == squares)
        #expect(throws: CodecError.normMismatch(claimed: norm + 1, computed: norm)) {
            try sent.validate(claimedNorm: norm + 1)
        }
    }

    @Test(arguments: profiles)
    func segmentsDecodeInAnyOrder(profile: CodecProfile) throws {
        let layout = try TestLayouts.several()
        let sent = try contribution(layout, profile, seed: 7).contribution
        let values = try decoded(sent)
        let decoder = SegmentDecoder(sent)
        for index in [layout.chunkCount - 1, 0, 255, 256, 3, layout.chunkCount - 2] where index < layout.chunkCount {
            let chunk = layout.chunk(at: index)
            var found = [Int64](repeating: 0, count: chunk.count)
            switch try decoder.chunk(index) {
            case .sparse(let indices, let levels, let unit):
                for place in indices.indices { found[Int(indices[place])] = Int64(levels[place]) * unit }
            case .dense(let dense): found = Array(dense)
            }
            #expect(found == Array(values[chunk.range]))
        }
    }

    @Test
    func notFiniteAndTooLargeValuesAreRefusedByPlace() throws {
        let layout = try TestLayouts.small()
        var random = TestRandom(8)
        for profile in profiles {
            for bad in [Float.nan, .infinity, -.infinity] {
                var delta = random.pseudoGradient(layout.parameterCount)
                delta[12_500] = bad
                #expect(throws: EncodingError.codec(.nonFinite(parameter: 12_500))) {
                    try contribution(layout, profile, delta: delta)
                }
            }
            var delta = random.pseudoGradient(layout.parameterCount)
            delta[0] = 1e30
            #expect(throws: EncodingError.codec(.tooLarge(parameter: 0))) {
                try contribution(layout, profile, delta: delta)
            }
        }
    }

    @Test
    func filesAndMemoryGiveTheSamePayload() throws {
        let folder = TemporaryFolder()
        let layout = try TestLayouts.several()
        var random = TestRandom(9)
        let delta = random.pseudoGradient(layout.parameterCount)
        var residual = random.pseudoGradient(layout.parameterCount)
        _ = try ParameterFile.write(ParameterArray(delta), to: folder.file("delta"))
        let residualRoot = try ParameterFile.write(ParameterArray(residual), to: folder.file("residual")).name
        let next = try ParameterFileAppender(path: folder.file("next"), parameterCount: layout.parameterCount)
        let output = try FilePayloadSink(path: folder.file("payload"))
        let summary = try ContributionEncoder.encode(
            layout: layout, profile: .standard, errorFeedback: .standard,
            delta: ParameterFile(path: folder.file("delta"), parameterCount: layout.parameterCount, expectedRoot: nil),
            residual: ParameterFile(
                path: folder.file("residual"), parameterCount: layout.parameterCount, expectedRoot: residualRoot),
            nextResidual: next, payload: output)
        try output.finish()
        let nextRoot = try next.finish().root
        let (payload, expected) = try ContributionEncoder.encode(
            layout: layout, profile: .standard, errorFeedback: .standard, delta: delta, residual: &residual)
        #expect(summary == expected)
        #expect(folder.bytes("payload") == payload)
        #expect(try ParameterFile.tree(of: ParameterArray(residual)).root == nextRoot)
        let sent = try Contribution(
            payload: FilePayload(path: folder.file("payload")), layout: layout, profile: .standard)
        #expect(try sent.validate(claimedNorm: summary.norm).norm == summary.norm)
        #expect(folder.names == ["delta", "next", "payload", "residual"])
    }

    @Test(arguments: profiles)
    func aContributionThatWasNotUsedGoesBackIntoTheResidual(profile: CodecProfile) throws {
        let layout = try TestLayouts.small()
        let sent = try contribution(layout, profile, seed: 13).contribution
        var random = TestRandom(14)
        let residual = random.pseudoGradient(layout.parameterCount)
        let next = ParameterArraySink()
        try ContributionEncoder.restore(sent, residual: ParameterArray(residual), nextResidual: next)
        let expected = try zip(residual, decoded(sent)).map { $0 + Float($1) * 0x1p-40 }
        #expect(next.values == expected)
    }

    @Test
    func aPayloadStaysWithinItsTargetSize() throws {
        let layout = try ParameterLayout([("w", [1024, 1024]), ("v", [1024, 1024])])
        let size = try contribution(layout, .standard, seed: 10).contribution.payload.byteCount
        #expect(Double(size) <= 0.0206 * Double(layout.parameterCount))
    }
}
