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

    /// A payload whose only segment is stored as it is, with these streams.
    private func stored(_ streams: [UInt8]) -> [UInt8] {
        let header = PayloadHeader(profile: .standard, parameterCount: layout.parameterCount, segmentCount: 1)
        return header.bytes + withUnsafeBytes(of: UInt32(streams.count).littleEndian, Array.init) + streams
    }

    /// Streams of the small layout's 11 chunks, empty unless said: chunk 8 has 4096 parameters.
    private func streams(
        missing: [Int: Int] = [:], scales: [Int: (mantissa: UInt8, exponent: UInt8)] = [:], gaps: [UInt8],
        codes: [UInt8]
    ) -> [UInt8] {
        let limits = (0..<layout.chunkCount).map {
            CodecProfile.standard.entryLimit(chunkCount: layout.chunk(at: $0).count)
        }
        let counts = limits.indices.map { missing[$0] ?? limits[$0] }
        return counts.map { UInt8($0 & 255) } + counts.map { UInt8($0 >> 8) }
            + limits.indices.map { scales[$0]?.exponent ?? 0 }
            + limits.indices.map { scales[$0]?.mantissa ?? 0 } + gaps + codes
    }

    @Test
    func aHandWrittenSegmentIsRead() throws {
        let bytes = stored(
            streams(missing: [8: 62], scales: [8: (200, 3)], gaps: [10, 255, 0], codes: [0b1100]))
        let contribution = try Contribution(payload: MemoryPayload(bytes), layout: layout, profile: .standard)
        let values = try decoded(contribution)
        let start = layout.chunk(at: 8).offset
        #expect(values[start + 10] == -3 * 1600)
        #expect(values[start + 10 + 256] == 3 * 1600)
        #expect(values.count { $0 != 0 } == 2)
    }

    @Test
    func eachRuleHasItsOwnRefusal() {
        func one(
            _ scale: (mantissa: UInt8, exponent: UInt8), missing: Int = 63, gaps: [UInt8] = [0], codes: [UInt8] = [0]
        ) -> CodecError? {
            refusal(stored(streams(missing: [8: missing], scales: [8: scale], gaps: gaps, codes: codes)))
        }
        #expect(one((128, 0)) == nil)
        #expect(one((1, 0)) == nil)
        #expect(one((127, 1)) == .scaleOutOfRange(chunk: 8))
        #expect(one((0, 1)) == .scaleOutOfRange(chunk: 8))
        #expect(one((128, 38)) == nil)
        #expect(one((128, 39)) == .scaleOutOfRange(chunk: 8))
        #expect(one((128, 0), missing: 65) == .entryCountOutOfRange(chunk: 8))
        #expect(one((128, 0), missing: 64, gaps: [], codes: []) == .entryCountOutOfRange(chunk: 8))
        #expect(one((128, 0), gaps: [255, 254], codes: [3]) == nil)
        #expect(one((128, 0), gaps: [UInt8](repeating: 255, count: 16) + [15]) == nil)
        #expect(one((128, 0), gaps: [UInt8](repeating: 255, count: 16) + [16]) == .indexOutOfOrder(chunk: 8))
        #expect(one((128, 0), gaps: [UInt8](repeating: 255, count: 17) + [0]) == .indexOutOfOrder(chunk: 8))
        #expect(one((128, 0), codes: [4]) == .malformedSegment(segment: 0))
        #expect(one((128, 0), gaps: [0, 0]) == .malformedSegment(segment: 0))
        #expect(one((128, 0), gaps: [255]) == .malformedSegment(segment: 0))
        #expect(one((128, 0), gaps: [], codes: [0])?.refusal == "size-mismatch")
        #expect(one((128, 0), missing: 0, gaps: [0], codes: [0])?.refusal == "size-mismatch")
    }

    @Test
    func headerAndDirectoryAreHeldAgainstTheRules() throws {
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
    func framesThatExpandTooFarOrCarryMoreAreRefused() throws {
        let compressor = ZstdCompressor(level: 1)
        func frame(_ content: [UInt8]) -> [UInt8] {
            let room = Storage<UInt8>(count: content.count + 1000, filledWith: 0)
            let size = content.withUnsafeBufferPointer {
                compressor.compress($0, partsEndingAt: [content.count], into: room.buffer)
            }
            return Array(room.buffer[..<(size ?? 0)])
        }
        func compressedPayload(_ segment: [UInt8]) -> [UInt8] {
            let header = PayloadHeader(profile: .standard, parameterCount: layout.parameterCount, segmentCount: 1)
            let entry = UInt32(segment.count) | PayloadHeader.compressedFlag
            return header.bytes + withUnsafeBytes(of: entry.littleEndian, Array.init) + segment
        }
        let good = streams(missing: [8: 63], scales: [8: (128, 0)], gaps: [0], codes: [0])
        #expect(refusal(compressedPayload(frame(good))) == nil)
        #expect(
            refusal(compressedPayload(frame([UInt8](repeating: 0, count: 5_000_000)))) == .malformedSegment(segment: 0))
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 7]
        #expect(refusal(compressedPayload(skippable + frame(good))) == .malformedSegment(segment: 0))
        #expect(refusal(compressedPayload(frame(good) + skippable)) == .malformedSegment(segment: 0))
        #expect(refusal(compressedPayload(frame(good) + frame([]))) == .malformedSegment(segment: 0))
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

    @Test(arguments: [CodecProfile.standard, .topK(kept: 256, bits: 4), .denseFloat32], 0..<4)
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
        let segment = Array(payload[good.range(ofSegment: 0)])
        let room = Storage<UInt8>(
            count: SegmentFormat.byteLimit(layout: layout, segment: 0, profile: .standard), filledWith: 0)
        let size = segment.withUnsafeBufferPointer { ZstdDecompressor().decompress($0, into: room.buffer) }
        let original = good.isCompressed(0) ? Array(room.buffer[..<(try #require(size))]) : segment
        #expect(refusal(stored(original)) == nil)
        var names = Set<String>()
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<(Bool.random(using: &random) ? 44 : bytes.count), using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            if let name = refusal(stored(bytes))?.refusal { names.insert(name) }
        }
        #expect(names == ["size-mismatch", "too-large", "index-out-of-order"])
    }
}
