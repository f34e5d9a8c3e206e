import Link
import Testing

@Suite struct LinkKeepaliveTests {
    @Test func theRoundTripIsMeasured() throws {
        let pair = try LinkPair.established()
        #expect(pair.responder.roundTripMilliseconds == 0)
        #expect(pair.initiator.roundTripMilliseconds == nil)
        let sent = Instant(milliseconds: LinkLimits.pingMilliseconds)
        try pair.initiator.tick(now: sent)
        let ping = try pair.initiator.frames(now: sent)
        #expect(ping.count == 1)
        #expect(try pair.responder.receive(ping[0], now: sent + 20).isEmpty)
        let pong = try pair.responder.frames(now: sent + 20)
        #expect(try pair.initiator.receive(pong[0], now: sent + 42).isEmpty)
        #expect(pair.initiator.roundTripMilliseconds == 42)
    }

    @Test func pingsComeAtTheirIntervalAndOneAtATime() throws {
        let pair = try LinkPair.established()
        var pings = 0
        for second in 1...60 as ClosedRange<UInt64> {
            pair.now = Instant(milliseconds: second * 1000)
            try pair.initiator.tick(now: pair.now)
            for frame in try pair.initiator.frames(now: pair.now) {
                pings += 1
                _ = try pair.responder.receive(frame, now: pair.now)
            }
            for frame in try pair.responder.frames(now: pair.now) {
                _ = try pair.initiator.receive(frame, now: pair.now)
            }
        }
        #expect(pings == 6)
    }

    @Test func aLinkThatAnswersNothingIsDead() throws {
        let pair = try LinkPair.established()
        let due = Instant(milliseconds: LinkLimits.pingMilliseconds)
        try pair.initiator.tick(now: due)
        _ = try pair.initiator.frames(now: due)
        try pair.initiator.tick(now: due + (LinkLimits.silenceMilliseconds - 1))
        #expect(throws: LinkError.silent(milliseconds: LinkLimits.silenceMilliseconds)) {
            try pair.initiator.tick(now: due + LinkLimits.silenceMilliseconds)
        }
    }

    @Test func aLinkOnWhichNothingCanBeSentAnyMoreIsDeadToo() throws {
        let pair = try LinkPair.established()
        let due = Instant(milliseconds: LinkLimits.pingMilliseconds)
        try pair.initiator.tick(now: due)
        #expect(throws: LinkError.silent(milliseconds: LinkLimits.silenceMilliseconds)) {
            try pair.initiator.tick(now: due + LinkLimits.silenceMilliseconds)
        }
    }

    @Test func whateverIsHeardKeepsALinkAlive() throws {
        let pair = try LinkPair.established()
        let due = Instant(milliseconds: LinkLimits.pingMilliseconds)
        try pair.initiator.tick(now: due)
        _ = try pair.initiator.frames(now: due)
        pair.responder.enqueueControl([1])
        let later = due + (LinkLimits.silenceMilliseconds - 1)
        for frame in try pair.responder.frames(now: later) { _ = try pair.initiator.receive(frame, now: later) }
        try pair.initiator.tick(now: later + (LinkLimits.silenceMilliseconds - 1))
        #expect(pair.initiator.isEstablished)
    }

    @Test func aProcessThatSleptDoesNotBlameTheLink() throws {
        let pair = try LinkPair.established()
        pair.now = Instant(milliseconds: 3_000_000)
        try pair.initiator.tick(now: pair.now)
        try pair.run()
        #expect(pair.initiator.isEstablished && pair.responder.isEstablished)
    }
}
