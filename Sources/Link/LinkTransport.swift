import Crypto

/// A link after its handshake: two ciphers, two streams in each direction, and the keepalive.
package final class LinkTransport {
    let peer: LinkPeer

    /// Whether the other side is known to have accepted this node. A responder knows it at once; an initiator from the
    /// first authentic frame on, and until then it sends nothing.
    private(set) var isAccepted: Bool

    package var sendCipher: NoiseCipher {
        get { sender.cipher }
        set { sender.cipher = newValue }
    }
    package var receiveCipher: NoiseCipher {
        get { receiver.cipher }
        set { receiver.cipher = newValue }
    }

    private var sender: RekeyingCipher
    private var receiver: RekeyingCipher
    private var isRekeyDue = false
    private var lastRekey: Instant
    private var lastRekeyHeard: Instant?
    private(set) var keepalive: Keepalive

    private(set) var outgoingControl = OutgoingStream<ControlHeader>()
    private(set) var outgoingPieces = OutgoingStream<PieceHeader>()
    private var incomingControl = IncomingStream<ControlHeader>()
    private var incomingPieces = IncomingStream<PieceHeader>()

    init(
        role: NoiseHandshake.Role, peer: LinkPeer, send: NoiseCipher, receive: NoiseCipher, rekeyFrames: UInt64,
        now: Instant
    ) {
        self.peer = peer
        isAccepted = role == .responder
        sender = RekeyingCipher(cipher: send, rekeyFrames: rekeyFrames)
        receiver = RekeyingCipher(cipher: receive, rekeyFrames: rekeyFrames)
        lastRekey = now
        // The responder's ping at once is what tells the initiator that it was accepted.
        keepalive = Keepalive(pingAtOnce: role == .responder, now: now)
    }

    /// Bytes of incomplete messages held for the other side.
    var bufferedBytes: Int { incomingControl.bufferedBytes + incomingPieces.bufferedBytes }

    func enqueue(control bytes: [UInt8]) {
        outgoingControl.enqueue(ControlHeader(byteCount: bytes.count), bytes)
    }

    func enqueue(piece name: PieceName, proof: [Digest], bytes: [UInt8]) {
        outgoingPieces.enqueue(PieceHeader(name: name, proof: proof, byteCount: bytes.count), bytes)
    }

    /// The next frame: whatever keeps the link up first, control before pieces.
    func nextFrame(now: Instant) throws(LinkError) -> [UInt8]? {
        guard isAccepted else { return nil }
        if isRekeyDue {
            isRekeyDue = false
            lastRekey = now
            let frame = try sender.seal([FrameKind.rekey.rawValue])
            sender.rekey()
            return frame
        }
        let plaintext =
            keepalive.nextFrame(now: now) ?? outgoingControl.nextFragment() ?? outgoingPieces.nextFragment()
        guard let plaintext else { return nil }
        return try sender.seal(plaintext)
    }

    func tick(now: Instant) throws(LinkError) {
        if now.since(lastRekey) >= LinkLimits.rekeyMilliseconds { isRekeyDue = true }
        try keepalive.tick(now: now)
    }

    func receive(frame: ArraySlice<UInt8>, now: Instant, into outputs: inout [LinkOutput]) throws(LinkError) {
        let plaintext = try receiver.open(frame)
        if !isAccepted {
            isAccepted = true
            outputs.append(.established(peer.member))
        }
        keepalive.heard(now: now)
        try receive(plaintext: plaintext, now: now, into: &outputs)
    }

    /// What an authentic frame says.
    package func receive(
        plaintext: [UInt8], now: Instant, into outputs: inout [LinkOutput]
    ) throws(LinkError) {
        var body = plaintext[...]
        let first = body.popFirst() ?? 0
        guard let kind = FrameKind(rawValue: first) else { throw .unknownFrameKind(first) }
        switch kind {
        case .controlBegin: finish(try incomingControl.begin(body), &outputs)
        case .controlContinuation: finish(try incomingControl.resume(body), &outputs)
        case .pieceBegin: finish(try incomingPieces.begin(body), &outputs)
        case .pieceContinuation: finish(try incomingPieces.resume(body), &outputs)
        case .ping: try keepalive.receivePing(body)
        case .pong: try keepalive.receivePong(body, now: now)
        case .rekey:
            guard body.isEmpty else { throw .malformedFrame(kind: kind.rawValue, byteCount: body.count) }
            // A new key costs far more than the frame that asks for it.
            if let lastRekeyHeard, now.since(lastRekeyHeard) < LinkLimits.rekeyMillisecondsMinimum {
                throw .earlyRekey(milliseconds: now.since(lastRekeyHeard))
            }
            lastRekeyHeard = now
            receiver.rekey()
        }
    }

    private func finish(_ message: (ControlHeader, [UInt8])?, _ outputs: inout [LinkOutput]) {
        guard let (_, bytes) = message else { return }
        outputs.append(.control(bytes))
    }

    private func finish(_ message: (PieceHeader, [UInt8])?, _ outputs: inout [LinkOutput]) {
        guard let (header, bytes) = message else { return }
        outputs.append(.piece(header.name, proof: header.proof, bytes: bytes))
    }
}
