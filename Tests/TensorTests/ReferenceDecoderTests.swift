import Foundation
import FuzzEntries
import TestKit
import Testing

@testable import Tensor

/// The decoder that was written in Python from Docs/codec.md alone gives the same values and the same refusals.
@Suite("Second decoder")
struct ReferenceDecoderTests {
    @Test
    func randomPayloads_decodeToTheSameValuesInBothDecoders() throws {
        var random = TestRandom(70)
        let cases = (0..<10_000).map { _ in PayloadCase.random(&random) }
        try compare(cases)
        let verdicts = cases.map(\.verdict)
        #expect(verdicts.allSatisfy { $0.refusal == nil })
        #expect(Set(cases.map { $0.profile.isDense }) == [true, false])
        #expect(Set(cases.map { $0.payload[4] }) == [1, 2, 3, 4])
    }

    @Test
    func goldenPayloads_decodeToTheSameValuesInBothDecoders() throws {
        for profile in profiles {
            let layout = try TestLayouts.small()
            var random = TestRandom(71)
            var residual = [Float](repeating: 0, count: layout.parameterCount)
            var cases: [PayloadCase] = []
            for _ in 0..<2 {
                let (payload, summary) = try ContributionEncoder.encode(
                    layout: layout, profile: profile, errorFeedback: .standard,
                    delta: random.pseudoGradient(layout.parameterCount), residual: &residual)
                cases.append(PayloadCase(layout: layout, profile: profile, norm: summary.norm, payload: payload))
            }
            try compare(cases)
        }
    }

    @Test
    func damagedPayloads_areRefusedByTheSameNameInBothDecoders() throws {
        var random = TestRandom(72)
        var cases = (0..<6_000).map { _ in PayloadCase.random(&random).damaged(&random) }
        cases += try PayloadCase.oneForEachRefusal()
        try compare(cases)
        var kinds: Set<String> = []
        for item in cases { if let error = item.verdict.refusal { kinds.insert(error.kind) } }
        #expect(
            kinds == [
                "sizeMismatch", "profileMismatch", "parameterCountMismatch", "scaleOutOfRange", "entryCountOutOfRange",
                "emptyChunkNotCanonical", "gapBytesMismatch", "indexOutOfOrder", "unusedBitsNotZero", "nonFinite",
                "tooLarge", "normTooLarge", "normMismatch",
            ])
    }

    private func compare(_ cases: [PayloadCase], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let folder = TemporaryFolder()
        folder.write(cases.flatMap(\.encoded), to: "cases")
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/payload_decoder.py")
        let result = try Command("/usr/bin/env")
            .run(["python3", "-B", script.path, folder.file("cases"), folder.file("results")])
        try #require(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
        var results = folder.bytes("results")[...]
        for (index, item) in cases.enumerated() {
            let expected = item.verdict.encoded
            let found = results.prefix(expected.count)
            try #require(
                Array(found) == expected, "case \(index) of \(cases.count): \(item.verdict.summary)",
                sourceLocation: sourceLocation)
            results = results.dropFirst(expected.count)
        }
        #expect(results.isEmpty, sourceLocation: sourceLocation)
    }
}

/// What the mesh's own decoder says of a payload.
private struct Verdict {
    var values: [Int64] = []
    var norm: UInt64 = 0
    var refusal: CodecError?

    var encoded: [UInt8] {
        if let name = refusal.flatMap(\.refusal) { return [0, UInt8(name.utf8.count)] + name.utf8 }
        var bytes: [UInt8] = [1]
        bytes += withUnsafeBytes(of: norm.littleEndian, Array.init)
        return values.reduce(into: bytes) { bytes, value in withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
    }

    var summary: String { refusal.map { "\($0)" } ?? "\(values.count) values" }
}

private struct PayloadCase {
    let layout: ParameterLayout
    let profile: CodecProfile
    var norm: UInt64?
    var payload: [UInt8]

    var verdict: Verdict {
        do throws(CodecError) {
            let contribution = try Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile)
            let measure = try contribution.measure()
            if let norm { _ = try contribution.validate(claimedNorm: norm) }
            return Verdict(values: try decoded(contribution), norm: measure.norm)
        } catch {
            return Verdict(refusal: error)
        }
    }

    /// As `payload_decoder.py` reads it.
    var encoded: [UInt8] {
        func number(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian, Array.init)
        }
        let (kind, bits, kept): (UInt8, UInt8, UInt16) =
            switch profile {
            case .topK(let kept, let bits): (kept < 512 ? 1 : 3, UInt8(bits), UInt16(kept))
            case .denseFloat32: (2, 0, 0)
            case .denseBFloat16: (4, 0, 0)
            }
        return number(UInt32(layout.tensors.count)) + layout.tensors.flatMap { number(UInt32($0.count)) }
            + [kind, bits] + number(kept) + [norm == nil ? 0 : 1] + number(norm ?? 0)
            + number(UInt32(payload.count)) + payload
    }

    /// Mostly small tensors; now and then one around a chunk's length.
    private static func layout(_ random: inout TestRandom) -> ParameterLayout {
        let tensors = (0..<Int.random(in: 1...4, using: &random)).map { index in
            let isLong = Int.random(in: 0..<100, using: &random) == 0
            return (
                name: "t\(index)",
                shape: [isLong ? Int.random(in: 4090...4200, using: &random) : Int.random(in: 1...70, using: &random)]
            )
        }
        guard let layout = try? ParameterLayout(tensors) else { preconditionFailure("a valid layout") }
        return layout
    }

    static func random(_ random: inout TestRandom) -> PayloadCase {
        let layout = layout(&random)
        let kept = [1, 2, 63, 64, 65, 256, 511, 512, 1024, 2000, 4096].randomElement(using: &random) ?? 64
        let bits = [1, 2, 4, 8].randomElement(using: &random) ?? 2
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let lists = EntryLists(
                chunks: (0..<layout.chunkCount).map { index in
                    let count = layout.chunk(at: index).count
                    let limit = max(1, kept * count / 4096)
                    return chunk(parameters: count, limit: limit, bits: bits, &random)
                })
            return PayloadCase(
                layout: layout, profile: .topK(kept: kept, bits: bits), norm: nil,
                payload: lists.payload(layout, kept: kept, bits: bits))
        case 1:
            return encoded(layout, .topK(kept: kept, bits: bits), &random)
        case 2:
            return encoded(layout, .denseFloat32, &random)
        default:
            return encoded(layout, .denseBFloat16, &random)
        }
    }

    /// None, all or some entries; spread, at the start or at the end of the chunk; any unit.
    private static func chunk(
        parameters: Int, limit: Int, bits: Int, _ random: inout TestRandom
    ) -> EntryLists.Chunk {
        let choices = [0, limit, 1, Int.random(in: 0...limit, using: &random)]
        let entries = choices.randomElement(using: &random) ?? 0
        guard entries > 0 else { return EntryLists.Chunk(indices: [], levels: [], unit: 0) }
        let indices: [Int]
        switch Int.random(in: 0..<3, using: &random) {
        case 0: indices = Array(0..<entries)
        case 1: indices = Array(parameters - entries..<parameters)
        default: indices = (0..<parameters).shuffled(using: &random).prefix(entries).sorted()
        }
        let top = 1 << bits
        let largest = ScaleCode.largest(valueBits: bits)
        let codes: [UInt32] = [1, 31, 32, 33, largest, UInt32.random(in: 1...largest, using: &random)]
        return EntryLists.Chunk(
            indices: indices.map { UInt16($0) },
            levels: indices.map { _ in Int16(2 * Int.random(in: 0..<top, using: &random) - (top - 1)) },
            unit: ScaleCode(value: codes.randomElement(using: &random) ?? 1).unit)
    }

    /// What the encoder makes of values among which many are equal, or zero.
    private static func encoded(
        _ layout: ParameterLayout, _ profile: CodecProfile, _ random: inout TestRandom
    ) -> PayloadCase {
        let noise = random.pseudoGradient(layout.parameterCount)
        let delta = noise.map { value -> Float in
            switch Int.random(in: 0..<4, using: &random) {
            case 0: 0
            case 1: value < 0 ? -0.125 : 0.125
            case 2: Float(bitPattern: value.bitPattern & 0xFFF0_0000)
            default: value
            }
        }
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        guard
            let (payload, summary) = try? ContributionEncoder.encode(
                layout: layout, profile: profile, errorFeedback: .standard, delta: delta, residual: &residual)
        else { preconditionFailure("finite values are encoded") }
        return PayloadCase(layout: layout, profile: profile, norm: summary.norm, payload: payload)
    }

    /// With one to three bytes changed, cut out or put in.
    func damaged(_ random: inout TestRandom) -> PayloadCase {
        var result = self
        if Bool.random(using: &random) { result.norm = nil }
        for _ in 0..<Int.random(in: 1...3, using: &random) where !result.payload.isEmpty {
            // Most faults lie in the directory and the heads.
            let bound = Bool.random(using: &random) ? min(34, result.payload.count) : result.payload.count
            let place = Int.random(in: 0..<bound, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: result.payload.removeSubrange(place..<min(place + 2, result.payload.count))
            case 1: result.payload.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: result.payload[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            default: result.payload[place] = UInt8.random(in: 0...255, using: &random)
            }
        }
        return result
    }

    /// The refusals that random damage seldom reaches.
    static func oneForEachRefusal() throws -> [PayloadCase] {
        func dense(_ count: Int, _ value: Float, claiming norm: UInt64? = nil) throws -> PayloadCase {
            let layout = try ParameterLayout([("w", [count])])
            var payload = PayloadHeader(
                profile: .denseFloat32, parameterCount: count, segmentCount: layout.segmentCount
            ).bytes
            for segment in 0..<layout.segmentCount {
                let size = UInt32(4 * layout.parameters(ofSegment: segment).count)
                payload += withUnsafeBytes(of: size.littleEndian, Array.init)
            }
            let bytes = withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
            for _ in 0..<count { payload += bytes }
            return PayloadCase(layout: layout, profile: .denseFloat32, norm: norm, payload: payload)
        }
        return [
            try dense(5, .nan), try dense(5, -.infinity), try dense(5, 1024), try dense(5, -1023.5),
            try dense(5, 1, claiming: 7), try dense(1 << 20 | 4096, 1023.9),
        ]
    }
}

extension CodecError {
    /// The case's name.
    fileprivate var kind: String {
        // Only a case without values has no child.
        Mirror(reflecting: self).children.first?.label ?? "normTooLarge"
    }
}
