import Testing

@testable import Control

@Suite struct FrameTests {
    @Test func theBytesOfFramesAreTheseAndNoOthers() throws {
        #expect(try Frame(kind: .message, payload: [0x7B, 0x7D]).bytes == [2, 0, 0, 0, 0, 0x7B, 0x7D])
        let tensor = TensorFrame(
            transfer: 0x0102_0304, kind: .delta, tensorIndex: 5, offset: 0x0A0B_0C0D_0E0F_1011, bytes: [9, 8])
        #expect(
            try tensor.frame().bytes == [
                19, 0, 0, 0, 1, 4, 3, 2, 1, 1, 5, 0, 0, 0, 0x11, 0x10, 0x0F, 0x0E, 0x0D, 0x0C, 0x0B, 0x0A, 9, 8,
            ])
        #expect(try TensorFrame(payload: tensor.frame().payload) == tensor)
    }

    @Test(arguments: [1, 2, 3, 5, 64, 4096]) func framesAreFoundHoweverTheyAreCut(step: Int) throws {
        let frames = [
            try Frame(kind: .message, payload: Array("{}".utf8)), try Frame(kind: .tensor, payload: []),
            try Frame(kind: .tensor, payload: (0..<9000).map { UInt8(truncatingIfNeeded: $0) }),
            try Frame(kind: .message, payload: []),
        ]
        let stream = frames.flatMap(\.bytes)
        var decoder = FrameDecoder()
        var found: [Frame] = []
        for start in stride(from: 0, to: stream.count, by: step) {
            decoder.append(Array(stream[start..<min(stream.count, start + step)]))
            while let frame = try decoder.next() { found.append(frame) }
        }
        #expect(found == frames)
        #expect(decoder.bufferedBytes == 0)
    }

    @Test(arguments: FrameKind.allCases) func aLengthBeyondTheLimitIsRefusedFromTheHeaderAlone(kind: FrameKind) throws {
        for length in [UInt32(kind.limitBytes) + 1, .max] {
            var header: [UInt8] = []
            LittleEndian.append(length, to: &header)
            var decoder = FrameDecoder()
            decoder.append(header + [kind.rawValue])
            let error = FrameError.tooLong(kind: kind, announcedBytes: UInt64(length), limitBytes: kind.limitBytes)
            #expect(throws: error) { try decoder.next() }
            decoder.append([0, 0, 0, 0, 0])
            #expect(throws: error) { try decoder.next() }
            #expect(decoder.bufferedBytes == 0)
        }
        let largest = try Frame(kind: kind, payload: [UInt8](repeating: 1, count: kind.limitBytes))
        var decoder = FrameDecoder()
        decoder.append(largest.bytes)
        #expect(try decoder.next() == largest)
        #expect(throws: FrameError.self) { try Frame(kind: kind, payload: largest.payload + [0]) }
    }

    @Test func unknownKindsAndShortTensorFramesAreRefused() {
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, 0, 2])
        #expect(throws: FrameError.unknownKind(2)) { try decoder.next() }
        #expect(throws: FrameError.tensorHeaderTooShort(bytes: 16)) {
            try TensorFrame(payload: [UInt8](repeating: 1, count: 16))
        }
        #expect(throws: FrameError.unknownTensorKind(0)) {
            try TensorFrame(payload: [UInt8](repeating: 0, count: 17))
        }
    }
}
