import Crypto
import Testing

struct NoiseHandshakeTests {
    @Test func eachSideLearnsTheOthersStaticKeyAndBothShareOneHash() throws {
        var pair = NoisePair(seed: 1)
        try pair.run()
        #expect(pair.initiator.remoteStatic == pair.responderKey.publicKey)
        #expect(pair.responder.remoteStatic == pair.initiatorKey.publicKey)
        #expect(pair.initiator.handshakeHash == pair.responder.handshakeHash)
        #expect(pair.initiator.handshakeHash.count == 64)
    }

    @Test func sessionsOfTheSameKeysHaveDifferentHashesAndFrames() throws {
        var random = SeededRandom(simulationSeed: 2)
        let (first, second) = (LinkKey(secret: random.secret(count: 32)), LinkKey(secret: random.secret(count: 32)))
        var seen: [[UInt8]] = []
        for _ in 0..<2 {
            var dialling = NoiseHandshake(
                role: .initiator, prologue: [], localStatic: first, ephemeralSecret: random.secret(count: 32))
            var answering = NoiseHandshake(
                role: .responder, prologue: [], localStatic: second, ephemeralSecret: random.secret(count: 32))
            _ = try answering.readMessage(dialling.writeMessage())
            _ = try dialling.readMessage(answering.writeMessage())
            _ = try answering.readMessage(dialling.writeMessage())
            var ciphers = dialling.split()
            seen += [dialling.handshakeHash, try ciphers.send.encrypt([1, 2, 3])]
        }
        #expect(seen[0] != seen[2])
        #expect(seen[1] != seen[3])
    }

    @Test func anotherPrologueFailsTheSecondMessage() throws {
        var pair = NoisePair(seed: 3, initiatorPrologue: [1], responderPrologue: [2])
        _ = try pair.responder.readMessage(pair.initiator.writeMessage())
        let second = try pair.responder.writeMessage()
        #expect(throws: NoiseError.authenticationFailed) { try pair.initiator.readMessage(second) }
        #expect(pair.initiator.remoteStatic == nil)
    }

    @Test func aFailedHandshakeStaysFailed() throws {
        var pair = NoisePair(seed: 4)
        let first = try pair.initiator.writeMessage()
        _ = try pair.responder.readMessage(first)
        let second = try pair.responder.writeMessage()
        var damaged = second
        damaged[40] ^= 1
        #expect(throws: NoiseError.authenticationFailed) { try pair.initiator.readMessage(damaged) }
        #expect(throws: NoiseError.handshakeFailed) { try pair.initiator.readMessage(second) }
        #expect(throws: NoiseError.handshakeFailed) { try pair.initiator.writeMessage() }
        #expect(!pair.initiator.isComplete && !pair.initiator.isOurTurn)
    }

    @Test func messagesOutOfTurnAreRefusedAndChangeNothing() throws {
        var pair = NoisePair(seed: 5)
        #expect(throws: NoiseError.notOurTurn(message: 1)) { try pair.responder.writeMessage() }
        #expect(throws: NoiseError.notOurTurn(message: 1)) {
            try pair.initiator.readMessage([UInt8](repeating: 9, count: 32))
        }
        try pair.run()
        #expect(throws: NoiseError.notOurTurn(message: 4)) { try pair.initiator.writeMessage() }
        #expect(throws: NoiseError.notOurTurn(message: 4)) {
            try pair.responder.readMessage([UInt8](repeating: 9, count: 64))
        }
        #expect(pair.initiator.isComplete && pair.responder.isComplete)
    }

    /// The points of low order and their non-canonical forms (RFC 7748 section 6.1; Bernstein's list).
    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ])
    func anEphemeralKeyOfLowOrderIsRefused(hex: String) throws {
        let point = try bytes(hex)
        let key = try #require(LinkPublicKey(bytes: point))
        #expect(!key.isValidPoint)
        var pair = NoisePair(seed: 6)
        _ = try pair.responder.readMessage(point)
        #expect(throws: NoiseError.lowOrderPublicKey) { try pair.responder.writeMessage() }

        var dialling = NoisePair(seed: 7).initiator
        _ = try dialling.writeMessage()
        #expect(throws: NoiseError.lowOrderPublicKey) {
            try dialling.readMessage(point + [UInt8](repeating: 0, count: 64))
        }
    }

    @Test func onlyTheCanonicalFormOfALinkKeyIsValid() throws {
        let key = NoisePair(seed: 8).initiatorKey.publicKey
        #expect(key.isValidPoint)
        var alias = key.bytes
        alias[31] |= 0x80
        #expect(try #require(LinkPublicKey(bytes: alias)).isValidPoint == false)
        // 2^255 - 19 + 9: the base point once more.
        let base = "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        #expect(try #require(LinkPublicKey(bytes: bytes(base))).isValidPoint == false)
        #expect(LinkPublicKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
    }

    @Test(arguments: 1...3)
    func aMessageCutShortIsRefusedWithItsLeastLength(message: Int) throws {
        let byteCountMin = [32, 96, 64][message - 1]
        for byteCount in 0..<byteCountMin {
            var pair = NoisePair(seed: 9)
            var sent = try pair.initiator.writeMessage()
            if message > 1 {
                _ = try pair.responder.readMessage(sent)
                sent = try pair.responder.writeMessage()
            }
            if message > 2 {
                _ = try pair.initiator.readMessage(sent)
                sent = try pair.initiator.writeMessage()
            }
            #expect(sent.count == byteCountMin)
            let cut = Array(sent.prefix(byteCount))
            #expect(throws: NoiseError.messageTooShort(byteCount: byteCount, byteCountMin: byteCountMin)) {
                if message == 2 {
                    try pair.initiator.readMessage(cut)
                } else {
                    try pair.responder.readMessage(cut)
                }
            }
        }
    }

    @Test func aMessageAboveTheLimitIsRefusedOnBothSides() throws {
        var pair = NoisePair(seed: 10)
        let tooLong = NoiseError.messageTooLong(byteCount: 65_536, byteCountMax: 65_535)
        #expect(throws: tooLong) { try pair.responder.readMessage([UInt8](repeating: 0, count: 65_536)) }
        #expect(throws: tooLong) { try pair.initiator.writeMessage(payload: [UInt8](repeating: 0, count: 65_504)) }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func aChangedHandshakeNeverCompletesOnBothSides(seed: UInt64) throws {
        var random = SeededRandom(simulationSeed: seed)
        handshakeFuzzEntry(random.secret(count: 40).withUnsafeBytes { Array($0) })
    }
}

/// Runs a handshake whose messages pass through a hand that changes one of them as `bytes` say: which message, where, and
/// how. No error but a `NoiseError` may come out, and the two sides must not both believe in a finished handshake.
func handshakeFuzzEntry(_ bytes: [UInt8]) {
    var rest = bytes[...]
    func next() -> Int { Int(rest.popFirst() ?? 0) }
    let target = next() % 3
    var pair = NoisePair(seed: UInt64(next()))
    var wasChanged = false

    func pass(_ message: [UInt8], _ index: Int) -> [UInt8] {
        guard index == target else { return message }
        var changed = message
        switch next() % 4 {
        case 0: changed[(next() << 8 | next()) % changed.count] ^= UInt8(1 << (next() % 8))
        case 1: changed.removeLast(1 + next() % changed.count)
        case 2: changed += (0...next()).map { UInt8(truncatingIfNeeded: $0) }
        default: changed = changed.map { _ in UInt8(next()) }
        }
        wasChanged = changed != message
        return changed
    }

    do throws(NoiseError) {
        _ = try pair.responder.readMessage(pass(try pair.initiator.writeMessage(payload: [7]), 0))
        _ = try pair.initiator.readMessage(pass(try pair.responder.writeMessage(payload: [8, 8]), 1))
        _ = try pair.responder.readMessage(pass(try pair.initiator.writeMessage(payload: [9, 9, 9]), 2))
    } catch {
        #expect(wasChanged, "an unchanged handshake failed: \(error)")
        #expect(!(pair.initiator.isComplete && pair.responder.isComplete))
        return
    }
    #expect(!wasChanged)
}
