import Crypto
import Ledger

/// Who this node is on its links.
public struct LinkIdentity: Sendable {
    public let network: NetworkID
    public let member: MemberID
    public let nodeKey: SigningKey
    public let linkKey: LinkKey

    public init(network: NetworkID, member: MemberID, nodeKey: SigningKey, linkKey: LinkKey) {
        self.network = network
        self.member = member
        self.nodeKey = nodeKey
        self.linkKey = linkKey
    }
}

/// Somebody who may have a link: whoever proves to own a link key that belongs to it.
public struct LinkPeer: Hashable, Sendable {
    public let member: MemberID
    /// Must have passed `VerifyingKey.isValidPoint`.
    public let nodeKey: VerifyingKey

    public init(member: MemberID, nodeKey: VerifyingKey) {
        self.member = member
        self.nodeKey = nodeKey
    }
}

extension MemberSet {
    /// The member with this link key, as somebody who may have a link.
    public func linkPeer(linkKey: LinkPublicKey) -> LinkPeer? {
        member(linkKey: linkKey).map { LinkPeer(member: $0.id, nodeKey: $0.nodeKey) }
    }
}

/// The three messages of Noise XX with the checks of who the other side is.
///
/// The initiator says who it is only to a responder that it accepts. A responder says it to everyone who asks.
struct LinkHandshake {
    let identity: LinkIdentity
    let expected: MemberID?
    let admit: (LinkPublicKey) -> LinkPeer?
    private var noise: NoiseHandshake
    private var message = 1
    private var peer: LinkPeer?

    init(
        role: NoiseHandshake.Role, identity: LinkIdentity, expected: MemberID?,
        admit: @escaping (LinkPublicKey) -> LinkPeer?, ephemeralSecret: SecretBytes
    ) {
        self.identity = identity
        self.expected = expected
        self.admit = admit
        noise = NoiseHandshake(
            role: role, prologue: LinkPrologue.bytes(network: identity.network), localStatic: identity.linkKey,
            ephemeralSecret: ephemeralSecret)
    }

    /// Whether message 2 is written.
    var hasAnswered: Bool { message == 3 }

    /// The message that is due, nil where the other side's turn is.
    mutating func nextMessage() throws(LinkError) -> [UInt8]? {
        guard noise.isOurTurn else { return nil }
        do {
            let bytes = try noise.writeMessage { [message, identity] hash in
                guard message > 1 else { return [] }
                return LinkGreeting(
                    member: identity.member, nodeKey: identity.nodeKey, handshakeHash: hash, network: identity.network
                ).encoded
            }
            precondition(bytes.count <= LinkLimits.handshakeFrameBytesMaximum)
            message += 1
            return bytes
        } catch {
            throw .handshakeRefused(message: message, error)
        }
    }

    mutating func read(_ bytes: [UInt8]) throws(LinkError) {
        let payload: NoiseHandshake.Payload
        do {
            payload = try noise.readMessage(bytes)
        } catch {
            if message == 2, case .authenticationFailed = error { throw .otherNetworkOrWireVersion }
            throw .handshakeRefused(message: message, error)
        }
        if message == 1 {
            guard payload.bytes.isEmpty else { throw .unexpectedPayload(byteCount: payload.bytes.count) }
        } else {
            peer = try authenticate(payload)
        }
        message += 1
    }

    /// What a completed handshake gives.
    var result: (peer: LinkPeer, send: NoiseCipher, receive: NoiseCipher)? {
        guard noise.isComplete, let peer else { return nil }
        let (send, receive) = noise.split()
        return (peer, send, receive)
    }

    /// Who sent this greeting. By now the other side has proved to own the link key.
    private func authenticate(_ payload: NoiseHandshake.Payload) throws(LinkError) -> LinkPeer {
        guard let linkKey = noise.remoteStatic else { preconditionFailure("an authentic message without a key") }
        guard linkKey != identity.linkKey.publicKey else { throw .connectedToItself }
        guard let peer = admit(linkKey) else { throw .stranger(linkKey) }
        let greeting: LinkGreeting
        do {
            greeting = try LinkGreeting(encoded: payload.bytes)
        } catch {
            throw .malformedGreeting(error)
        }
        guard greeting.member == peer.member else {
            throw .greetingOfOtherMember(linkKey: peer.member, greeting: greeting.member)
        }
        guard
            greeting.isSigned(
                by: peer.nodeKey, handshakeHash: payload.handshakeHash, network: identity.network)
        else { throw .invalidGreetingSignature(peer.member) }
        if let expected, expected != peer.member {
            throw .unexpectedMember(expected: expected, found: peer.member)
        }
        return peer
    }
}
