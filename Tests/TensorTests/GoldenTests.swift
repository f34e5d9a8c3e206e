import Crypto
import Testing

@testable import Tensor

/// Pinned results. A change here is a change of the format or of the rule: peers of two builds would disagree.
@Suite("Golden bytes")
struct GoldenTests {
    private func payload(_ profile: CodecProfile, seed: UInt64) throws -> (bytes: [UInt8], norm: UInt64) {
        let layout = try TestLayouts.several()
        var random = TestRandom(seed)
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        var result: (payload: [UInt8], summary: EncodedSummary) = ([], EncodedSummary(byteCount: 0, norm: 0))
        for _ in 0..<2 {
            result = try ContributionEncoder.encode(
                layout: layout, profile: profile, errorFeedback: .standard,
                delta: random.pseudoGradient(layout.parameterCount), residual: &residual)
        }
        return (result.payload, result.summary.norm)
    }

    @Test(arguments: [
        (CodecProfile.standard, "4733e84a4b10", 406_093_888_101 as UInt64),
        (.topK(kept: 256, bits: 4), "c7b4dac90640", 430_871_957_642), (.denseFloat32, "7c62678018b7", 462_182_714_966),
    ])
    func decodedValuesOfASecondRound(profile: CodecProfile, digest: String, norm: UInt64) throws {
        let (bytes, found) = try payload(profile, seed: 50)
        let values = try decoded(
            Contribution(payload: MemoryPayload(bytes), layout: TestLayouts.several(), profile: profile))
        let image = values.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) }
        #expect(Digest(DigestDomain("test/golden"), image).short == digest)
        #expect(found == norm)
    }

    @Test
    func aSmallPayloadByteForByte() throws {
        let layout = try ParameterLayout([("w", [3, 100]), ("b", [64])])
        var random = TestRandom(51)
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let bytes = try ContributionEncoder.encode(
            layout: layout, profile: .standard, errorFeedback: .standard,
            delta: random.pseudoGradient(layout.parameterCount), residual: &residual
        ).payload
        #expect(Hex.encode(bytes) == "4d504732010240006c01000000000000010000000b000000b6b50101266546470d3903")
    }

    @Test
    func aPayloadOfSeveralSegments() throws {
        let (bytes, _) = try payload(.standard, seed: 52)
        #expect(Digest(DigestDomain("test/golden"), bytes).short == "776ffb7d16a2")
    }

    @Test
    func theRootOfAnAverage() throws {
        let layout = try TestLayouts.several()
        let profiles: [CodecProfile] = [.standard, .standard, .topK(kept: 256, bits: 4), .denseFloat32]
        let entries = try profiles.enumerated().map { index, profile in
            let (bytes, _) = try payload(profile, seed: 60 + UInt64(index))
            return AveragingEntry(
                contribution: try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile),
                weightQ30: index == 1 ? 1 << 29 : 1 << 30)
        }
        var random = TestRandom(53)
        let base = ParameterArray(random.pseudoGradient(layout.parameterCount))
        for workers in [1, 2, 5] {
            let root = try Averager.average(
                layout: layout, entries: entries, rule: .ofFour, base: base, output: MemoryBlockSink(),
                workers: workers
            ).tree.root
            #expect(root.description == "9de23c77dcef87ad7d277855773ff2fbf7fcf74dd558f46d2e2ce842fed79571")
        }
    }
}
