import FuzzEntries
import Testing

@testable import Tensor

/// Opens, decodes and measures whatever the bytes are. The body of a fuzz target: must neither trap nor hang.
func payloadFuzzBody(_ bytes: [UInt8], layout: ParameterLayout, profile: CodecProfile) throws(CodecError) -> UInt64 {
    try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile).measure().norm
}

@Suite("Payloads that are refused")
struct PayloadRefusalTests {
    private let layout: ParameterLayout
    private let payload: [UInt8]

    init() throws {
        layout = try TestLayouts.small()
        payload = try Self.payload(layout, .standard)
    }

    private static func payload(_ layout: ParameterLayout, _ profile: CodecProfile) throws -> [UInt8] {
        var random = TestRandom(11)
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        return try ContributionEncoder.encode(
            layout: layout, profile: profile, errorFeedback: .standard,
            delta: random.pseudoGradient(layout.parameterCount), residual: &residual
        ).payload
    }

    private func refusal(_ bytes: [UInt8]) -> CodecError? {
        do throws(CodecError) {
            _ = try payloadFuzzBody(bytes, layout: layout, profile: .standard)
            return nil
        } catch {
            return error
        }
    }

    /// A payload whose only segment has these streams.
    private func withSegment(_ streams: [UInt8]) -> [UInt8] {
        let header = PayloadHeader(profile: .standard, parameterCount: layout.parameterCount, segmentCount: 1)
        return header.bytes + withUnsafeBytes(of: UInt32(streams.count).littleEndian, Array.init) + streams
    }

    /// Streams of the small layout's 11 chunks, empty unless said: chunk 8 has 4096 parameters.
    private func streams(words: [Int: UInt32] = [:], gaps: [UInt8], codes: [UInt8]) -> [UInt8] {
        let heads = (0..<layout.chunkCount).map { words[$0] ?? 0 }
        return heads.map { UInt8($0 & 255) } + heads.map { UInt8($0 >> 8) } + gaps + codes
    }

    /// The head word of a chunk of 4096 parameters, whatever it says.
    private func word(missing: UInt32, scale: UInt32) -> UInt32 { missing << 10 | scale }

    @Test
    func aHandWrittenSegmentIsRead() throws {
        let bytes = withSegment(
            streams(words: [8: word(missing: 62, scale: 4 << 4 | 9)], gaps: [10, 255, 0], codes: [0b1100]))
        let contribution = try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: .standard)
        let values = try decoded(contribution)
        let start = layout.chunk(at: 8).offset
        #expect(values[start + 10] == -3 * 200)
        #expect(values[start + 10 + 256] == 3 * 200)
        #expect(values.count { $0 != 0 } == 2)
    }

    @Test
    func eachScaleCodeIsANumberOfItsOwn() {
        let units = (0...ScaleCode.largest(valueBits: 2)).map { ScaleCode(value: $0).unit }
        #expect(zip(units, units.dropFirst()).allSatisfy { $0 < $1 })
        #expect(units.first == 0)
        #expect(units[31] == 31)
        #expect(units[32] == 32)
        #expect(units[33] == 34)
        #expect(units.last == 31 << 41)
        #expect(ScaleCode(value: ScaleCode.largest(valueBits: 8)).unit == 31 << 37)
    }

    @Test
    func eachRuleHasItsOwnRefusal() {
        func one(
            _ scale: UInt32, missing: UInt32 = 63, gaps: [UInt8] = [0], codes: [UInt8] = [0]
        ) -> CodecError? {
            refusal(
                withSegment(streams(words: [8: word(missing: missing, scale: scale)], gaps: gaps, codes: codes)))
        }
        #expect(one(128) == nil)
        #expect(one(1) == nil)
        #expect(one(687) == nil)
        #expect(one(688) == .scaleOutOfRange(chunk: 8))
        #expect(one(1023) == .scaleOutOfRange(chunk: 8))
        #expect(one(0) == .emptyChunkNotCanonical(chunk: 8))
        #expect(one(0, missing: 1) == .emptyChunkNotCanonical(chunk: 8))
        #expect(one(0, missing: 0, gaps: [], codes: []) == nil)
        #expect(one(128, gaps: [255, 254], codes: [3]) == nil)
        #expect(one(128, gaps: [UInt8](repeating: 255, count: 16) + [15]) == nil)
        #expect(one(128, gaps: [UInt8](repeating: 255, count: 16) + [16]) == .indexOutOfOrder(chunk: 8))
        #expect(one(128, gaps: [UInt8](repeating: 255, count: 17) + [0]) == .indexOutOfOrder(chunk: 8))
        #expect(one(128, codes: [4]) == .unusedBitsNotZero(segment: 0))
        #expect(one(128, codes: [128]) == .unusedBitsNotZero(segment: 0))
        #expect(one(128, gaps: [0, 0]) == .gapBytesMismatch(segment: 0))
        #expect(one(128, gaps: [255]) == .gapBytesMismatch(segment: 0))
        #expect(one(128, gaps: [], codes: [0])?.refusal == "size-mismatch")
        #expect(one(128, missing: 0, gaps: [0], codes: [0])?.refusal == "size-mismatch")
    }

    /// Chunk 10 has 3 parameters and so at most one entry.
    @Test
    func aChunkWithoutEntriesHasOneForm() {
        func short(_ word: UInt32, gaps: [UInt8] = [], codes: [UInt8] = []) -> CodecError? {
            refusal(withSegment(streams(words: [10: word], gaps: gaps, codes: codes)))
        }
        #expect(short(0) == nil)
        #expect(short(word(missing: 0, scale: 5), gaps: [2], codes: [1]) == nil)
        #expect(short(word(missing: 1, scale: 5)) == .emptyChunkNotCanonical(chunk: 10))
        #expect(short(word(missing: 1, scale: 0)) == .emptyChunkNotCanonical(chunk: 10))
        #expect(short(word(missing: 2, scale: 5)) == .entryCountOutOfRange(chunk: 10))
        #expect(short(word(missing: 63, scale: 0)) == .entryCountOutOfRange(chunk: 10))
        #expect(CodecError.emptyChunkNotCanonical(chunk: 10).refusal == "not-canonical")
        #expect(CodecError.unusedBitsNotZero(segment: 0).refusal == "not-canonical")
    }

    /// Whatever a decoder accepts is what an encoder of the decoded lists writes: no second byte string for one list.
    @Test(arguments: [(64, 2), (256, 4), (4096, 2), (100, 1), (512, 2), (1024, 8)], 0..<3)
    func anAcceptedPayloadIsTheOnlyOneOfItsLists(shape: (kept: Int, bits: Int), seed: UInt64) throws {
        var random = TestRandom(seed + 100)
        let profile = CodecProfile.topK(kept: shape.kept, bits: shape.bits)
        let original = try Self.payload(layout, profile)
        var accepted = 0
        for _ in 0..<400 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let place = Int.random(in: 24..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            guard let contribution = try? Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile),
                let lists = try? EntryLists(contribution)
            else { continue }
            accepted += 1
            #expect(lists.payload(layout, kept: shape.kept, bits: shape.bits) == bytes)
        }
        #expect(accepted > 20)
    }

    /// The size limit is no guess: a payload of that size exists. All gaps stand before the first entry of a chunk.
    @Test(arguments: [(64, 2), (256, 4), (511, 1), (512, 1), (4096, 2), (1, 4), (1024, 8)])
    func theSizeLimitIsReached(kept: Int, bits: Int) throws {
        let profile = CodecProfile.topK(kept: kept, bits: bits)
        let lists = EntryLists(
            chunks: (0..<layout.chunkCount).map { index in
                let count = layout.chunk(at: index).count
                let entries = profile.entryLimit(chunkCount: count)
                return EntryLists.Chunk(
                    indices: (count - entries..<count).map { UInt16($0) },
                    levels: [Int16](repeating: 1, count: entries), unit: 5)
            })
        let bytes = lists.payload(layout, kept: kept, bits: bits)
        #expect(bytes.count == Contribution.byteLimit(layout: layout, profile: profile))
        let contribution = try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile)
        #expect(try EntryLists(contribution) == lists)
    }

    @Test(arguments: [CodecProfile.denseFloat32, .denseBFloat16])
    func aDensePayloadHasOneSize(profile: CodecProfile) throws {
        #expect(try Self.payload(layout, profile).count == Contribution.byteLimit(layout: layout, profile: profile))
    }

    /// A payload under `topK(kept: 1024, bits: 2)` whose chunk 8 (4,096 parameters) or 10 (3 parameters, at most one
    /// entry) has this scale, bitmap and codes.
    @Test
    func eachRuleOfBitmapsHasItsOwnRefusal() throws {
        let profile = CodecProfile.topK(kept: 1024, bits: 2)
        func refusal(_ scales: [Int: UInt16], _ bitmap: [UInt8], _ codes: [UInt8]) -> CodecError? {
            let words = (0..<layout.chunkCount).map { scales[$0] ?? 0 }
            let streams = words.map { UInt8($0 & 255) } + words.map { UInt8($0 >> 8) } + bitmap + codes
            let header = PayloadHeader(profile: profile, parameterCount: layout.parameterCount, segmentCount: 1)
            let bytes = header.bytes + withUnsafeBytes(of: UInt32(streams.count).littleEndian, Array.init) + streams
            do throws(CodecError) {
                _ = try payloadFuzzBody(bytes, layout: layout, profile: profile)
                return nil
            } catch {
                return error
            }
        }
        func bitmap(_ indices: [Int]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 512)
            for index in indices { bytes[index / 8] |= 1 << UInt8(index % 8) }
            return bytes
        }
        let full = Array(0..<1024)
        #expect(refusal([:], [], []) == nil)
        #expect(refusal([8: 128], bitmap([5, 4095]), [0b1100]) == nil)
        #expect(refusal([8: 687], bitmap(full), [UInt8](repeating: 1, count: 256)) == nil)
        #expect(refusal([8: 688], bitmap([5]), [0]) == .scaleOutOfRange(chunk: 8))
        #expect(refusal([8: 1 << 10 | 128], bitmap([5]), [0]) == .scaleOutOfRange(chunk: 8))
        #expect(refusal([8: 128], bitmap([]), []) == .emptyChunkNotCanonical(chunk: 8))
        #expect(
            refusal([8: 128], bitmap(full + [4000]), [UInt8](repeating: 1, count: 257))
                == .entryCountOutOfRange(chunk: 8))
        #expect(refusal([8: 128], bitmap([5]), [4]) == .unusedBitsNotZero(segment: 0))
        #expect(refusal([8: 128], bitmap([5]), [])?.refusal == "size-mismatch")
        #expect(refusal([8: 128], bitmap([5]), [0, 0])?.refusal == "size-mismatch")
        #expect(refusal([8: 128], [UInt8](repeating: 1, count: 511), [])?.refusal == "size-mismatch")
        #expect(refusal([:], bitmap([5]), [0])?.refusal == "size-mismatch")
        #expect(refusal([10: 5], [0b100], [1]) == nil)
        #expect(refusal([10: 5], [0b1000], [1]) == .unusedBitsNotZero(segment: 0))
        #expect(refusal([10: 5], [0b110], [1]) == .entryCountOutOfRange(chunk: 10))
    }

    /// The kind in the header names the way of the positions: neither is read as the other.
    @Test
    func positionsOfAnotherKindAreRefused() throws {
        for (profile, kind) in [(CodecProfile.topK(kept: 511, bits: 2), 3), (.topK(kept: 512, bits: 2), 1)] {
            var bytes = try Self.payload(layout, profile)
            bytes[4] = UInt8(kind)
            #expect(throws: CodecError.profileMismatch(expected: profile, found: nil)) {
                try payloadFuzzBody(bytes, layout: layout, profile: profile)
            }
        }
    }

    @Test
    func headerAndDirectoryMustFitTheRules() throws {
        func changed(_ place: Int, _ value: UInt8) -> [UInt8] {
            var bytes = payload
            bytes[place] = value
            return bytes
        }
        #expect(refusal(payload) == nil)
        #expect(refusal(changed(0, 0))?.refusal == "dtype-mismatch")
        #expect(refusal(changed(4, 9)) == .profileMismatch(expected: .standard, found: nil))
        #expect(refusal(changed(6, 65)) == .profileMismatch(expected: .standard, found: .topK(kept: 65, bits: 2)))
        #expect(refusal(changed(15, 255))?.refusal == "shape-mismatch")
        #expect(refusal(changed(16, 2))?.refusal == "size-mismatch")
        #expect(refusal(changed(22, 255))?.refusal == "size-mismatch")
        #expect(refusal(changed(23, 128))?.refusal == "size-mismatch")
        #expect(refusal(payload + [0])?.refusal == "size-mismatch")
        #expect(refusal([])?.refusal == "size-mismatch")
        for count in [1, 19, 20, 23, 24, payload.count - 1] {
            #expect(refusal(Array(payload[..<count])) != nil)
        }
        #expect(throws: CodecError.profileMismatch(expected: .denseFloat32, found: .standard)) {
            try payloadFuzzBody(payload, layout: layout, profile: .denseFloat32)
        }
    }

    @Test
    func aDensePayloadWithANotFiniteOrHugeValueIsRefusedByPlace() throws {
        var bytes = try Self.payload(layout, .denseFloat32)
        func put(_ value: Float, at parameter: Int) {
            withUnsafeBytes(of: value.bitPattern.littleEndian) {
                bytes.replaceSubrange(24 + 4 * parameter..<28 + 4 * parameter, with: $0)
            }
        }
        put(1023.9, at: 5000)
        _ = try payloadFuzzBody(bytes, layout: layout, profile: .denseFloat32)
        put(-1024, at: 5000)
        #expect(throws: CodecError.tooLarge(parameter: 5000)) {
            try payloadFuzzBody(bytes, layout: layout, profile: .denseFloat32)
        }
        put(.nan, at: 5001)
        #expect(throws: CodecError.nonFinite(parameter: 5001)) {
            try payloadFuzzBody(bytes, layout: layout, profile: .denseFloat32)
        }
    }

    @Test(arguments: profiles, 0..<4)
    func mutatedPayloadsAreReadOrRefusedButNeverTrap(profile: CodecProfile, seed: UInt64) throws {
        var random = TestRandom(seed)
        let original = try Self.payload(layout, profile)
        let norm = try payloadFuzzBody(original, layout: layout, profile: profile)
        var refused = 0
        for _ in 0..<250 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[place] = [0, 1, 127, 128, 254, 255].randomElement(using: &random) ?? 0
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            do throws(CodecError) {
                _ = try payloadFuzzBody(bytes, layout: layout, profile: profile)
            } catch {
                #expect(error.refusal != nil)
                refused += 1
            }
        }
        #expect(refused > 50)
        #expect(try payloadFuzzBody(original, layout: layout, profile: profile) == norm)
    }

    @Test
    func mutatedStreamsReachEveryRuleAndNeverTrap() throws {
        var random = TestRandom(12)
        let good = try Contribution(payload: MemoryPayload(payload), layout: layout, profile: .standard)
        let original = Array(payload[good.range(ofSegment: 0)])
        #expect(refusal(withSegment(original)) == nil)
        var names = Set<String>()
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<(Bool.random(using: &random) ? 22 : bytes.count), using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            if let name = refusal(withSegment(bytes))?.refusal { names.insert(name) }
        }
        #expect(names == ["size-mismatch", "too-large", "index-out-of-order", "not-canonical"])
    }
}
