import Crypto
import Testing

struct NoiseCipherTests {
    /// The sending cipher of one side and the receiving cipher of the other.
    func direction(seed: UInt64) throws -> (send: NoiseCipher, receive: NoiseCipher) {
        var pair = NoisePair(seed: seed)
        try pair.run()
        return (pair.initiator.split().send, pair.responder.split().receive)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 100, 65_518, 65_519])
    func framesOfEverySizeGoThrough(byteCount: Int) throws {
        var (send, receive) = try direction(seed: 20)
        let plaintext = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let frame = try send.encrypt(plaintext)
        #expect(frame.count == byteCount + NoiseCipher.tagBytes)
        #expect(try receive.decrypt(frame) == plaintext)
        #expect(try receive.decrypt(send.encrypt(plaintext[...])) == plaintext)
        #expect(send.counter == 2 && receive.counter == 2)
    }

    @Test func framesBeyondTheLimitsAreRefused() throws {
        var (send, receive) = try direction(seed: 21)
        #expect(throws: NoiseError.messageTooLong(byteCount: 65_520, byteCountMax: 65_519)) {
            try send.encrypt([UInt8](repeating: 0, count: 65_520))
        }
        #expect(throws: NoiseError.messageTooLong(byteCount: 65_536, byteCountMax: 65_535)) {
            try receive.decrypt([UInt8](repeating: 0, count: 65_536))
        }
        #expect(throws: NoiseError.messageTooShort(byteCount: 15, byteCountMin: 16)) {
            try receive.decrypt([UInt8](repeating: 0, count: 15))
        }
        #expect(send.counter == 0 && receive.counter == 0)
    }

    @Test func aRepeatedALostAndASwappedFrameAreRefused() throws {
        var (send, receive) = try direction(seed: 22)
        let frames = try (0..<3).map { try send.encrypt([UInt8($0)]) }
        #expect(throws: NoiseError.authenticationFailed) { try receive.decrypt(frames[1]) }
        #expect(try receive.decrypt(frames[0]) == [0])
        #expect(throws: NoiseError.authenticationFailed) { try receive.decrypt(frames[0]) }
        #expect(throws: NoiseError.authenticationFailed) { try receive.decrypt(frames[2]) }
        #expect(receive.counter == 1)
    }

    @Test func aFrameWithAnyBitChangedIsRefused() throws {
        var (send, receive) = try direction(seed: 23)
        let frame = try send.encrypt([1, 2, 3])
        for bit in 0..<frame.count * 8 {
            var damaged = frame
            damaged[bit / 8] ^= UInt8(1 << (bit % 8))
            #expect(throws: NoiseError.authenticationFailed) { try receive.decrypt(damaged) }
        }
        #expect(try receive.decrypt(frame) == [1, 2, 3])
    }

    @Test func aDirectionCannotReadItself() throws {
        var pair = NoisePair(seed: 24)
        try pair.run()
        var own = pair.initiator.split()
        let frame = try own.send.encrypt([1])
        #expect(throws: NoiseError.authenticationFailed) { try own.receive.decrypt(frame) }
    }

    @Test func bothSidesRekeyAfterTheSameFrameAndOneAloneIsCutOff() throws {
        var (send, receive) = try direction(seed: 25)
        #expect(try receive.decrypt(send.encrypt([1])) == [1])
        send.rekey()
        let frame = try send.encrypt([2])
        #expect(throws: NoiseError.authenticationFailed) { try receive.decrypt(frame) }
        receive.rekey()
        #expect(try receive.decrypt(frame) == [2])
        #expect(send.counter == 2 && receive.counter == 2)
    }

    @Test func theReservedCounterIsNeverUsed() throws {
        var (send, receive) = try direction(seed: 26)
        send.counter = .max - 1
        receive.counter = .max - 1
        let last = try send.encrypt([1])
        #expect(try receive.decrypt(last) == [1])
        #expect(throws: NoiseError.counterExhausted) { try send.encrypt([1]) }
        #expect(throws: NoiseError.counterExhausted) { try receive.decrypt(last) }
    }
}
