import Crypto
import Link
import Testing

@Suite struct LinkRekeyTests {
    private let start = Instant(milliseconds: 0)

    @Test(arguments: [1, 2, 3, 7] as [UInt64])
    func aLinkGoesOnOverManyChangesOfKey(rekeyFrames: UInt64) throws {
        let pair = try LinkPair.established(rekeyFrames: rekeyFrames)
        for index in 0..<50 as Range<UInt8> {
            pair.initiator.enqueueControl([index])
            pair.responder.enqueueControl([index, index])
        }
        try pair.run()
        #expect(pair.responderOutputs == (0..<50).map { .control([$0]) })
        #expect(pair.initiatorOutputs == (0..<50).map { .control([$0, $0]) })
    }

    @Test func theKeyReallyChangesAtTheBoundary() throws {
        // The same session, once with ends that disagree on where the boundary is.
        let sender = LinkFixtures.session(
            .initiator, LinkFixtures.identity(LinkFixtures.sites[0]), seed: 1, rekeyFrames: 4)
        let receiver = LinkFixtures.session(
            .responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2, rekeyFrames: 100)
        let pair = LinkPair(initiator: sender, responder: receiver)
        try pair.run()
        for index in 1...3 as ClosedRange<UInt8> {
            sender.enqueueControl([index])
            _ = try receiver.receive(try #require(try sender.nextFrame(now: start)))
        }
        // Frame 0 was the pong; the fifth has the new key.
        sender.enqueueControl([4])
        let frame = try #require(try sender.nextFrame(now: start))
        #expect(throws: LinkError.frameNotAuthentic(counter: 4)) { try receiver.receive(frame) }
    }

    @Test func eachDirectionChangesItsKeyEveryHour() throws {
        let pair = try LinkPair.established()
        let hour = LinkLimits.rekeyMilliseconds
        pair.now = Instant(milliseconds: hour - 1)
        try pair.initiator.tick(now: pair.now)
        #expect(try pair.initiator.frames(now: pair.now).count == 1, "the ping alone")
        let later = Instant(milliseconds: hour)
        try pair.initiator.tick(now: later)
        let rekey = try pair.initiator.frames(now: later)
        #expect(rekey.count == 1 && rekey[0].count == 2 + 1 + NoiseCipher.tagBytes)
        try pair.initiator.tick(now: later + 1)
        #expect(try pair.initiator.frames(now: later + 1).isEmpty, "not again before another hour")
    }

    @Test func messagesGoOnAfterAChangeOfKeyByTime() throws {
        let pair = try LinkPair.established(rekeyFrames: 3)
        for hour in 1...5 as ClosedRange<UInt64> {
            pair.now = Instant(milliseconds: hour * LinkLimits.rekeyMilliseconds)
            try pair.initiator.tick(now: pair.now)
            try pair.responder.tick(now: pair.now)
            pair.initiator.enqueueControl([UInt8(hour)])
            pair.responder.enqueueControl([UInt8(hour)])
            try pair.run()
        }
        #expect(pair.responderOutputs == (1...5).map { .control([$0]) })
        #expect(pair.initiatorOutputs == (1...5).map { .control([$0]) })
    }

    /// A change of key costs the receiver far more than the sender: one that comes soon after another ends the link.
    @Test func changesOfKeyInARowBreakTheLink() throws {
        let pair = try LinkPair.established()
        var cipher = try #require(pair.initiator.transport).sendCipher
        // Kind 7 of Docs/link.md.
        func rekey() throws -> [UInt8] {
            let sealed = try cipher.encrypt([7])
            cipher.rekey()
            return withUnsafeBytes(of: UInt16(sealed.count).bigEndian, Array.init) + sealed
        }
        let begin = pair.now
        _ = try pair.responder.receive(try rekey(), now: begin)
        let soon = Instant(milliseconds: begin.milliseconds + LinkLimits.rekeyMillisecondsMinimum - 1)
        #expect(throws: LinkError.earlyRekey(milliseconds: LinkLimits.rekeyMillisecondsMinimum - 1)) {
            try pair.responder.receive(try rekey(), now: soon)
        }
    }

    @Test func aLostChangeOfKeyBreaksTheLink() throws {
        let pair = try LinkPair.established()
        let later = Instant(milliseconds: LinkLimits.rekeyMilliseconds)
        try pair.initiator.tick(now: later)
        _ = try pair.initiator.nextFrame(now: later)
        pair.initiator.enqueueControl([1])
        let frame = try #require(try pair.initiator.frames(now: later).last)
        #expect(throws: LinkError.frameNotAuthentic(counter: 1)) { try pair.responder.receive(frame) }
    }
}
