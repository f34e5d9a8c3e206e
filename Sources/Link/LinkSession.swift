import Crypto
import Ledger

/// What comes off a link.
public enum LinkOutput: Hashable, Sendable {
    /// Both sides have accepted each other. Always the first output, and given once.
    case established(MemberID)
    /// A whole control message, 1 to `LinkLimits.messageBytesMaximum` bytes.
    case control([UInt8])
    /// A whole piece, 1 to `LinkLimits.pieceBytesMaximum` bytes, with its Merkle proof. Neither is checked yet.
    case piece(PieceName, proof: [Digest], bytes: [UInt8])
}

/// The encrypted link of two daemons over one TCP connection, without input and output
/// (`Noise_XX_25519_ChaChaPoly_BLAKE2b`, Noise specification rev 34; Docs/link.md has the bytes).
///
/// The shell moves bytes and time: what came from the socket goes to `receive`; whenever the socket can take more,
/// `nextFrame` gives it, encrypted only then, so that control messages overtake pieces that wait; `tick` about once a
/// second. After an error nothing more may be said: every call throws that error again, and the shell closes the
/// connection. One thread only.
public final class LinkSession {
    public enum Stage: Equatable, Sendable {
        case handshake
        /// An initiator has proved who it is and waits for the first frame. A connection that closes here was refused
        /// by the other side, which most likely does not have this node's link key in its member set.
        case awaitingAcceptance
        case established
        case failed(LinkError)
    }

    private enum State {
        case handshake(LinkHandshake)
        case transport(LinkTransport)
        case failed(LinkError)
    }

    public let role: NoiseHandshake.Role

    private var state: State
    private var reader = FrameReader()
    private let started: Instant
    private let rekeyFrames: UInt64

    /// - Parameters:
    ///   - expected: the member that an initiator means to reach; nil takes whoever may connect.
    ///   - admit: who may connect with a link key; asked once, at the end of the handshake.
    ///   - random: gives the ephemeral key; in a daemon seeded by the system.
    public convenience init(
        role: NoiseHandshake.Role, identity: LinkIdentity, expected: MemberID? = nil,
        admit: @escaping (LinkPublicKey) -> LinkPeer?, random: inout SeededRandom, now: Instant
    ) {
        self.init(
            role: role, identity: identity, expected: expected, admit: admit, random: &random, now: now,
            rekeyFrames: LinkLimits.rekeyFrames)
    }

    package init(
        role: NoiseHandshake.Role, identity: LinkIdentity, expected: MemberID? = nil,
        admit: @escaping (LinkPublicKey) -> LinkPeer?, random: inout SeededRandom, now: Instant, rekeyFrames: UInt64
    ) {
        self.role = role
        self.rekeyFrames = rekeyFrames
        started = now
        state = .handshake(
            LinkHandshake(
                role: role, identity: identity, expected: expected, admit: admit,
                ephemeralSecret: random.secret(count: LinkKey.secretByteCount)))
    }

    public var stage: Stage {
        switch state {
        case .handshake: .handshake
        case .transport(let transport): transport.isAccepted ? .established : .awaitingAcceptance
        case .failed(let error): .failed(error)
        }
    }

    public var isEstablished: Bool { stage == .established }

    /// Whom this link leads to, once that is known.
    public var member: MemberID? { transport?.peer.member }

    /// The last measured round trip; nil until the first ping is answered.
    public var roundTripMilliseconds: UInt64? { transport?.keepalive.roundTripMilliseconds }

    /// Bytes of control messages that are in no frame yet.
    public var pendingControlBytes: Int { transport?.outgoingControl.pendingBytes ?? 0 }

    /// Bytes of pieces that are in no frame yet.
    public var pendingPieceBytes: Int { transport?.outgoingPieces.pendingBytes ?? 0 }

    /// Bytes received that are part of something incomplete. At most a frame, a control message and a piece.
    public var bufferedBytes: Int { reader.bufferedBytes + (transport?.bufferedBytes ?? 0) }

    package var transport: LinkTransport? {
        if case .transport(let transport) = state { transport } else { nil }
    }

    /// Takes bytes as they come from the socket, cut anywhere, and appends what they complete to `outputs`. What was
    /// appended before an error is good.
    public func receive(_ bytes: [UInt8], now: Instant, into outputs: inout [LinkOutput]) throws(LinkError) {
        try failingForGood { () throws(LinkError) in
            var rest = bytes[...]
            while let frame = try reader.next(from: &rest, byteCounts: frameByteCounts) {
                try receive(frame: frame, now: now, into: &outputs)
            }
        }
    }

    /// The next bytes for the socket, one frame with its length; nil where there is nothing to send (now).
    public func nextFrame(now: Instant) throws(LinkError) -> [UInt8]? {
        try failingForGood { () throws(LinkError) -> [UInt8]? in
            switch state {
            case .handshake(var handshake):
                guard let message = try handshake.nextMessage() else { return nil }
                proceed(with: handshake, now: now)
                return .framed(message)
            case .transport(let transport): return try transport.nextFrame(now: now).map { .framed($0) }
            case .failed(let error): throw error
            }
        }
    }

    /// Queues one control message of 1 to `LinkLimits.messageBytesMaximum` bytes; dropped where the link is not established.
    public func enqueueControl(_ bytes: [UInt8]) {
        precondition((1...LinkLimits.messageBytesMaximum).contains(bytes.count))
        guard isEstablished else { return }
        transport?.enqueue(control: bytes)
    }

    /// Queues one piece of 1 to `LinkLimits.pieceBytesMaximum` bytes; dropped where the link is not established.
    public func enqueuePiece(_ name: PieceName, proof: [Digest], bytes: [UInt8]) {
        precondition((1...LinkLimits.pieceBytesMaximum).contains(bytes.count))
        precondition(proof.count <= LinkLimits.proofDigestsMaximum && UInt32(exactly: name.index) != nil)
        guard isEstablished else { return }
        transport?.enqueue(piece: name, proof: proof, bytes: bytes)
    }

    /// Lets time pass: a ping or a change of key may be due after it, so ask `nextFrame`.
    ///
    /// - Throws: `handshakeTimedOut`, or `silent` where the other side is gone.
    public func tick(now: Instant) throws(LinkError) {
        try failingForGood { () throws(LinkError) in
            guard let transport, transport.isAccepted else {
                let elapsed = now.since(started)
                guard elapsed < LinkLimits.handshakeMilliseconds else {
                    throw .handshakeTimedOut(milliseconds: elapsed)
                }
                return
            }
            try transport.tick(now: now)
        }
    }
}

extension LinkSession {
    /// What a frame may have of bytes now. A transport frame has a tag and a kind at least.
    private var frameByteCounts: ClosedRange<Int> {
        if case .transport = state { return NoiseCipher.tagBytes + 1...LinkLimits.frameBytesMaximum }
        return 1...LinkLimits.handshakeFrameBytesMaximum
    }

    private func receive(
        frame: ArraySlice<UInt8>, now: Instant, into outputs: inout [LinkOutput]
    ) throws(LinkError) {
        switch state {
        case .handshake(var handshake):
            // An initiator of another network cannot read message 2 and says so in place of message 3.
            if role == .responder, handshake.hasAnswered, let hint = NetworkHint(body: frame) {
                throw .otherNetwork(theirs: hint.network, ours: handshake.identity.network)
            }
            try handshake.read(Array(frame))
            proceed(with: handshake, now: now)
            if let transport { outputs.append(.established(transport.peer.member)) }
        case .transport(let transport): try transport.receive(frame: frame, now: now, into: &outputs)
        case .failed(let error): throw error
        }
    }

    /// The handshake after one more message; complete, it gives way to the transport.
    private func proceed(with handshake: LinkHandshake, now: Instant) {
        guard let (peer, send, receive) = handshake.result else {
            state = .handshake(handshake)
            return
        }
        state = .transport(
            LinkTransport(
                role: role, peer: peer, send: send, receive: receive, rekeyFrames: rekeyFrames, now: now))
    }

    private func failingForGood<Result>(_ body: () throws(LinkError) -> Result) throws(LinkError) -> Result {
        if case .failed(let error) = state { throw error }
        do {
            return try body()
        } catch {
            state = .failed(error)
            reader = FrameReader()
            throw error
        }
    }
}
