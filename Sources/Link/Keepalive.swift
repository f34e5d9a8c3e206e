/// Pings from time to time: measures the round trip, and notices a link that is dead. One ping is under way at most.
struct Keepalive {
    private enum Ping {
        case idle(next: Instant)
        /// To be sent; `since` counts for silence, for where nothing can be sent any more, the link may be dead.
        case due(since: Instant)
        case sent(at: Instant)
    }

    private var ping: Ping
    private var sequence: UInt64 = 0
    private var pongDue: [UInt8]?
    private var lastHeard: Instant

    static let bodyBytes = 8

    /// The last measured time from a ping to its pong.
    private(set) var roundTripMilliseconds: UInt64?

    /// - Parameter pingAtOnce: the first ping goes out as soon as anything can.
    init(pingAtOnce: Bool, now: Instant) {
        ping = pingAtOnce ? .due(since: now) : .idle(next: now + LinkLimits.pingMilliseconds)
        lastHeard = now
    }

    /// - Throws: `silent` where a ping is not answered and nothing else came either.
    mutating func tick(now: Instant) throws(LinkError) {
        switch ping {
        case .idle(let next):
            if now >= next { ping = .due(since: now) }
        case .due(let since), .sent(let since):
            let silence = now.since(max(since, lastHeard))
            guard silence < LinkLimits.silenceMilliseconds else { throw .silent(milliseconds: silence) }
        }
    }

    /// The plaintext of the next frame that keeping alive takes, if any.
    mutating func nextFrame(now: Instant) -> [UInt8]? {
        if let body = pongDue {
            pongDue = nil
            return [FrameKind.pong.rawValue] + body
        }
        guard case .due = ping else { return nil }
        sequence += 1
        ping = .sent(at: now)
        return [FrameKind.ping.rawValue] + bigEndian(sequence)
    }

    /// To be told of every authentic frame.
    mutating func heard(now: Instant) { lastHeard = now }

    mutating func receivePing(_ body: ArraySlice<UInt8>) throws(LinkError) {
        guard body.count == Keepalive.bodyBytes else {
            throw .malformedFrame(kind: FrameKind.ping.rawValue, byteCount: body.count)
        }
        guard pongDue == nil else { throw .unexpectedPing }
        pongDue = Array(body)
    }

    mutating func receivePong(_ body: ArraySlice<UInt8>, now: Instant) throws(LinkError) {
        guard body.count == Keepalive.bodyBytes else {
            throw .malformedFrame(kind: FrameKind.pong.rawValue, byteCount: body.count)
        }
        guard case .sent(let sent) = ping, body.elementsEqual(bigEndian(sequence)) else { throw .unexpectedPong }
        roundTripMilliseconds = now.since(sent)
        ping = .idle(next: sent + LinkLimits.pingMilliseconds)
    }
}
