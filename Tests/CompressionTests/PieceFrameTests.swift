import Testing

@testable import Compression

@Suite("Frames of pieces")
struct PieceFrameTests {
    /// SplitMix64.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }

        mutating func bytes(_ count: Int, below bound: UInt8) -> [UInt8] {
            (0..<count).map { _ in UInt8.random(in: 0..<bound, using: &self) }
        }
    }

    @Test(arguments: [2, 3, 100, 511, 512, 513, 5000, 200_000])
    func compressiblePiece_comesBackFromItsFrame(byteCount: Int) throws {
        var random = Random(state: UInt64(byteCount))
        let piece = random.bytes(byteCount, below: byteCount <= 100 ? 1 : 60)
        guard let frame = PieceFrame.compress(piece) else {
            #expect(byteCount < 100)
            return
        }
        #expect(frame.count < piece.count)
        #expect(PieceFrame.decompress(frame, byteCount: piece.count) == piece)
    }

    /// Cells of every mixture: ends ascend, and the last is the end.
    @Test(arguments: 0..<20)
    func anyBytes_areCutAtAscendingPlaces(seed: UInt64) {
        var random = Random(state: seed)
        var piece: [UInt8] = []
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let bound = UInt8.random(in: 1...255, using: &random)
            piece += random.bytes(Int.random(in: 1...1500, using: &random), below: bound)
        }
        let ends = piece.withUnsafeBufferPointer { BlockSplitter.ends($0) }
        #expect(ends.last == piece.count)
        #expect(zip([0] + ends, ends).allSatisfy { $0 < $1 })
    }

    @Test(arguments: [0, 1, 2, 1000, 100_000])
    func incompressiblePiece_hasNoFrame(byteCount: Int) {
        var random = Random(state: 5)
        #expect(PieceFrame.compress(random.bytes(byteCount, below: 255)) == nil)
    }

    @Test
    func frameOfAnotherSize_isRefused() throws {
        let piece = [UInt8](repeating: 3, count: 4096)
        let frame = try #require(PieceFrame.compress(piece))
        #expect(PieceFrame.decompress(frame, byteCount: 4095) == nil)
        #expect(PieceFrame.decompress(frame, byteCount: 4097) == nil)
        #expect(PieceFrame.decompress(frame, byteCount: 0) == nil)
    }

    /// 5 million zeros in a frame of some 500 bytes: the known size bounds what is written.
    @Test
    func frameThatExpandsTooFar_isRefused() throws {
        let frame = try #require(PieceFrame.compress([UInt8](repeating: 0, count: 5_000_000)))
        #expect(frame.count < 1000)
        #expect(PieceFrame.decompress(frame, byteCount: 1024) == nil)
    }

    @Test
    func moreThanOneFrame_isRefused() throws {
        let piece = [UInt8](repeating: 3, count: 4096)
        let frame = try #require(PieceFrame.compress(piece))
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 7]
        #expect(PieceFrame.decompress(skippable + frame, byteCount: 4096) == nil)
        #expect(PieceFrame.decompress(frame + skippable, byteCount: 4096) == nil)
        #expect(PieceFrame.decompress(frame + frame, byteCount: 8192) == nil)
        #expect(PieceFrame.decompress([], byteCount: 4096) == nil)
        #expect(PieceFrame.decompress(Array(frame.dropLast()), byteCount: 4096) == nil)
    }

    /// Magic numbers of the formats before RFC 8878 never reach their decoders.
    @Test(arguments: [
        0xFD2F_B51E as UInt32, 0xFD2F_B522, 0xFD2F_B523, 0xFD2F_B524, 0xFD2F_B525, 0xFD2F_B526, 0xFD2F_B527,
    ])
    func oldFormat_isRefused(magic: UInt32) throws {
        var frame = try #require(PieceFrame.compress([UInt8](repeating: 3, count: 4096)))
        frame.replaceSubrange(0..<4, with: withUnsafeBytes(of: magic.littleEndian, Array.init))
        #expect(PieceFrame.decompress(frame, byteCount: 4096) == nil)
    }

    @Test
    func damagedFrames_neverTrap() throws {
        var random = Random(state: 9)
        let piece = random.bytes(3000, below: 40)
        let frame = try #require(PieceFrame.compress(piece))
        var refused = 0
        for _ in 0..<2000 {
            var bytes = frame
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if PieceFrame.decompress(bytes, byteCount: piece.count) == nil { refused += 1 }
        }
        #expect(refused > 0)
    }

    /// Streams with different alphabets alternate as in a payload; one table for all would cost much more.
    @Test
    func alternatingStreams_getTablesOfTheirOwn() throws {
        var random = Random(state: 4)
        var piece: [UInt8] = []
        for _ in 0..<6 { piece += random.bytes(16_000, below: 64) + random.bytes(4000, below: 16).map { $0 + 200 } }
        let frame = try #require(PieceFrame.compress(piece))
        // 6 and 4 bits per byte.
        let entropy = Double(6 * (16_000 * 6 + 4000 * 4)) / 8
        #expect(Double(frame.count) < 1.02 * entropy)
    }
}
