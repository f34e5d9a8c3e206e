import Crypto
import Ledger
import Link
import Testing

@Suite struct LinkTransportTests {
    private let start = Instant(milliseconds: 0)

    @Test(arguments: [1, 2, 100, 65_514, 65_515, LinkLimits.messageBytesMaximum])
    func aControlMessageOfAnySizeArrivesWhole(byteCount: Int) throws {
        let pair = try LinkPair.established()
        let message = LinkFixtures.bytes(byteCount, seed: 9)
        pair.initiator.enqueueControl(message)
        #expect(pair.initiator.pendingControlBytes == byteCount)
        try pair.run()
        #expect(pair.initiator.pendingControlBytes == 0)
        #expect(pair.responderOutputs == [.control(message)])
        #expect(pair.responder.bufferedBytes == 0)
    }

    @Test(arguments: [(1, 0), (1000, 3), (65_000, 32), (256 << 10, 12), (1 << 20, 20)])
    func aPieceOfAnySizeArrivesWholeWithItsProof(byteCount: Int, proofCount: Int) throws {
        let pair = try LinkPair.established(seed: 3)
        let (name, proof) = (LinkFixtures.pieceName(Int(UInt32.max)), LinkFixtures.proof(proofCount))
        let bytes = LinkFixtures.bytes(byteCount, seed: 10)
        pair.responder.enqueuePiece(name, proof: proof, bytes: bytes)
        #expect(pair.responder.pendingPieceBytes == byteCount)
        try pair.run()
        #expect(pair.responder.pendingPieceBytes == 0)
        #expect(pair.initiatorOutputs == [.piece(name, proof: proof, bytes: bytes)])
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func messagesOfEachStreamKeepTheirOrderInBothDirections(seed: UInt64) throws {
        let pair = try LinkPair.established(seed: seed)
        var random = SeededRandom(simulationSeed: seed)
        var expected: [[[LinkOutput]]] = [[[], []], [[], []]]
        for index in 0..<60 {
            let direction = Int.random(in: 0...1, using: &random)
            let session = direction == 0 ? pair.initiator : pair.responder
            let byteCount = Int.random(in: 1...LinkLimits.messageBytesMaximum, using: &random)
            let bytes = LinkFixtures.bytes(byteCount, seed: UInt64(index))
            if Bool.random(using: &random) {
                session.enqueueControl(bytes)
                expected[direction][0].append(.control(bytes))
            } else {
                session.enqueuePiece(LinkFixtures.pieceName(index), proof: [], bytes: bytes)
                expected[direction][1].append(.piece(LinkFixtures.pieceName(index), proof: [], bytes: bytes))
            }
        }
        try pair.run()
        for (direction, outputs) in [pair.responderOutputs, pair.initiatorOutputs].enumerated() {
            let control = outputs.filter { if case .control = $0 { true } else { false } }
            #expect(control == expected[direction][0])
            #expect(outputs.filter { !control.contains($0) } == expected[direction][1])
        }
    }

    @Test func controlOvertakesAPieceThatIsUnderWay() throws {
        let pair = try LinkPair.established()
        let piece = LinkFixtures.bytes(1 << 20, seed: 1)
        pair.initiator.enqueuePiece(LinkFixtures.pieceName(0), proof: [], bytes: piece)
        let first = try #require(try pair.initiator.nextFrame(now: start))
        let pendingBytes = pair.initiator.pendingPieceBytes
        pair.initiator.enqueueControl([1, 2, 3])
        let second = try #require(try pair.initiator.nextFrame(now: start))
        #expect(pair.initiator.pendingPieceBytes == pendingBytes)
        #expect(try pair.responder.receive(first).isEmpty)
        #expect(try pair.responder.receive(second) == [.control([1, 2, 3])])
        try pair.run()
        #expect(
            pair.responderOutputs == [.piece(LinkFixtures.pieceName(0), proof: [], bytes: piece)])
    }

    @Test func framesAreFullAndWithinTheirLimit() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueuePiece(
            LinkFixtures.pieceName(0), proof: LinkFixtures.proof(20), bytes: LinkFixtures.bytes(1 << 20, seed: 1))
        let frames = try pair.initiator.frames()
        #expect(frames.count == 17)
        #expect(frames.dropLast().allSatisfy { $0.count == 2 + LinkLimits.frameBytesMaximum })
    }

    @Test func nothingIsQueuedBeforeTheLinkIsEstablishedOrAfterItFailed() throws {
        let pair = LinkPair()
        pair.responder.enqueueControl([1])
        try pair.run()
        #expect(pair.initiatorOutputs.count == 1)
        #expect(throws: LinkError.self) { try pair.responder.receive([0, 0]) }
        pair.responder.enqueueControl([1])
        #expect(pair.responder.pendingControlBytes == 0)
        #expect(throws: LinkError.self) { try pair.responder.nextFrame(now: start) }
    }

    @Test(arguments: 0..<25)
    func aFrameWithAnyChangedByteIsRefused(position: Int) throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl([1, 2, 3, 4])
        var frame = try #require(try pair.initiator.nextFrame(now: start))
        #expect(frame.count == 2 + 25)
        frame[2 + position] ^= 1 << UInt8(position % 8)
        #expect(throws: LinkError.frameNotAuthentic(counter: 1)) { try pair.responder.receive(frame) }
    }

    @Test func aRepeatedFrameIsRefused() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl([1])
        let frame = try #require(try pair.initiator.nextFrame(now: start))
        #expect(try pair.responder.receive(frame) == [.control([1])])
        #expect(throws: LinkError.frameNotAuthentic(counter: 2)) { try pair.responder.receive(frame) }
    }

    @Test func framesInAnotherOrderAreRefused() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl([1])
        pair.initiator.enqueueControl([2])
        let frames = try pair.initiator.frames()
        #expect(throws: LinkError.frameNotAuthentic(counter: 1)) { try pair.responder.receive(frames[1]) }
    }

    @Test func aFrameSentBackToItsSenderIsRefused() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl([1])
        let frame = try #require(try pair.initiator.nextFrame(now: start))
        #expect(throws: LinkError.self) { try pair.initiator.receive(frame) }
    }

    @Test func whatCameBeforeABadFrameIsStillGiven() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl([1])
        let frame = try #require(try pair.initiator.nextFrame(now: start))
        var outputs: [LinkOutput] = []
        #expect(throws: LinkError.frameNotAuthentic(counter: 2)) {
            try pair.responder.receive(frame + frame, now: start, into: &outputs)
        }
        #expect(outputs == [.control([1])])
    }

    @Test func aTruncatedFrameGivesNothingAndHoldsOnlyWhatCame() throws {
        let pair = try LinkPair.established()
        pair.initiator.enqueueControl(LinkFixtures.bytes(5000, seed: 1))
        let frame = try #require(try pair.initiator.nextFrame(now: start))
        #expect(try pair.responder.receive(Array(frame.dropLast())).isEmpty)
        #expect(pair.responder.bufferedBytes == frame.count - 1)
    }

    @Test(arguments: 0...16)
    func aTransportFrameTooShortForItsTagIsRefused(byteCount: Int) throws {
        let pair = try LinkPair.established()
        #expect(throws: LinkError.frameLength(byteCount: byteCount, byteCountMin: 17, byteCountMax: 65_535)) {
            try pair.responder.receive([0, UInt8(byteCount)])
        }
    }

    @Test func aCounterAtItsEndIsRefusedByBothEnds() throws {
        let pair = try LinkPair.established()
        let transport = try #require(pair.initiator.transport)
        transport.sendCipher.counter = .max
        pair.initiator.enqueueControl([1])
        #expect(throws: LinkError.counterExhausted) { try pair.initiator.nextFrame(now: start) }
        let other = try #require(pair.responder.transport)
        other.receiveCipher.counter = .max
        #expect(throws: LinkError.counterExhausted) {
            try pair.responder.receive([0, 17] + [UInt8](repeating: 0, count: 17))
        }
    }
}
