/// The handshake `Noise_XX_25519_ChaChaPoly_BLAKE2b` (Noise specification, rev 34): three messages, after which both
/// sides know the other's static key and hold a cipher for each direction.
///
///     1  initiator -> responder   e                  payload in the clear
///     2  initiator <- responder   e, ee, s, es       payload for whoever sent message 1
///     3  initiator -> responder   s, se              payload for the authenticated responder
///
/// A value type without input or output: the caller moves the bytes, and hands in the entropy. It allocates no more
/// than a message's length.
public struct NoiseHandshake: Sendable {
    public enum Role: Hashable, Sendable {
        /// Dialled, and speaks first.
        case initiator
        /// Was dialled.
        case responder
    }

    /// What a handshake message carried.
    public struct Payload: Hashable, Sendable {
        public let bytes: [UInt8]
        /// The transcript hash as it stood before the payload was mixed in, 64 bytes: what the sender's
        /// `writeMessage(payload:)` was shown, and may have signed.
        public let handshakeHash: [UInt8]
    }

    public static let protocolName = "Noise_XX_25519_ChaChaPoly_BLAKE2b"

    public let role: Role

    /// The static key of the other side: known to the initiator from message 2 on, to the responder from message 3 on.
    /// That the other side holds its secret is certain only when that message was read without an error.
    public private(set) var remoteStatic: LinkPublicKey?

    private let localStatic: LinkKey
    private let ephemeral: LinkKey
    private var remoteEphemeral: LinkPublicKey?
    private var symmetric: NoiseSymmetricState
    private var hasFailed = false

    /// The message that is due: 1 to 3, then 4.
    private var message = 1

    /// - Parameters:
    ///   - prologue: what both sides must agree on beforehand; any difference fails message 2.
    ///   - ephemeralSecret: 32 bytes of fresh entropy, never used before.
    public init(role: Role, prologue: [UInt8], localStatic: LinkKey, ephemeralSecret: SecretBytes) {
        self.role = role
        self.localStatic = localStatic
        ephemeral = LinkKey(secret: ephemeralSecret)
        symmetric = NoiseSymmetricState(protocolName: NoiseHandshake.protocolName)
        symmetric.mixHash(prologue)
    }

    /// Whether all three messages went through.
    public var isComplete: Bool { message == 4 && !hasFailed }

    /// Whether the next message is ours to write.
    public var isOurTurn: Bool { !hasFailed && (message == 2 ? role == .responder : message < 4 && role == .initiator) }

    /// The transcript hash so far, 64 bytes. Once `isComplete`, a name for this session that both sides know and that no
    /// other session has (channel binding, section 11.2).
    public var handshakeHash: [UInt8] { symmetric.hash }

    /// Writes the message that is due.
    ///
    /// - Parameter payload: the message's payload, given the transcript hash as it stands right before it: for messages 2
    ///   and 3 that covers both ephemeral keys and the sender's static key. To be signed, it is to be signed as that.
    public mutating func writeMessage(payload: (_ handshakeHash: [UInt8]) -> [UInt8]) throws(NoiseError) -> [UInt8] {
        guard !hasFailed else { throw .handshakeFailed }
        guard isOurTurn else { throw .notOurTurn(message: message) }
        do throws(NoiseError) {
            var bytes: [UInt8] = []
            if message < 3 { bytes += writeEphemeral() }
            if message == 2 { try mixAgreement(ephemeral, remoteEphemeral) }
            if message > 1 {
                bytes += try symmetric.encryptAndHash(localStatic.publicKey.bytes)
                try mixAgreement(localStatic, remoteEphemeral)
            }
            bytes += try symmetric.encryptAndHash(payload(symmetric.hash))
            guard bytes.count <= NoiseCipher.frameBytesMax else {
                throw .messageTooLong(byteCount: bytes.count, byteCountMax: NoiseCipher.frameBytesMax)
            }
            message += 1
            return bytes
        } catch {
            hasFailed = true
            throw error
        }
    }

    /// Writes the message that is due, with a payload that does not depend on the transcript.
    public mutating func writeMessage(payload: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        try writeMessage { _ in payload }
    }

    /// Reads the message that is due from the other side. Any error ends the handshake for good.
    public mutating func readMessage(_ bytes: [UInt8]) throws(NoiseError) -> Payload {
        guard !hasFailed else { throw .handshakeFailed }
        guard message < 4, !isOurTurn else { throw .notOurTurn(message: message) }
        do throws(NoiseError) {
            try checkLength(bytes.count)
            var rest = bytes[...]
            if message < 3 { readEphemeral(&rest) }
            if message == 2 { try mixAgreement(ephemeral, remoteEphemeral) }
            if message > 1 {
                let sealed = take(LinkPublicKey.byteCount + NoiseCipher.tagBytes, from: &rest)
                remoteStatic = LinkPublicKey(bytes: try symmetric.decryptAndHash(sealed))
                try mixAgreement(ephemeral, remoteStatic)
            }
            let hashBefore = symmetric.hash
            let payload = try symmetric.decryptAndHash(Array(rest))
            message += 1
            return Payload(bytes: payload, handshakeHash: hashBefore)
        } catch {
            hasFailed = true
            remoteStatic = nil
            throw error
        }
    }

    /// The ciphers of the finished handshake. To be called once: a second pair would repeat the nonces of the first.
    public func split() -> (send: NoiseCipher, receive: NoiseCipher) {
        precondition(isComplete, "a handshake is split after its third message")
        let (fromInitiator, fromResponder) = symmetric.split()
        return role == .initiator ? (fromInitiator, fromResponder) : (fromResponder, fromInitiator)
    }
}

extension NoiseHandshake {
    private mutating func writeEphemeral() -> [UInt8] {
        symmetric.mixHash(ephemeral.publicKey.bytes)
        return ephemeral.publicKey.bytes
    }

    private mutating func readEphemeral(_ rest: inout ArraySlice<UInt8>) {
        let key = take(LinkPublicKey.byteCount, from: &rest)
        symmetric.mixHash(key)
        remoteEphemeral = LinkPublicKey(bytes: key)
    }

    /// Mixes in the agreement of an own and a received key: ee, es or se, according to whose they are.
    private mutating func mixAgreement(_ own: LinkKey, _ remote: LinkPublicKey?) throws(NoiseError) {
        guard let remote, let shared = own.agree(with: remote) else { throw .lowOrderPublicKey }
        symmetric.mixKey(shared)
    }

    private func checkLength(_ byteCount: Int) throws(NoiseError) {
        let ephemeralBytes = message < 3 ? LinkPublicKey.byteCount : 0
        let staticBytes = message > 1 ? LinkPublicKey.byteCount + NoiseCipher.tagBytes : 0
        let payloadBytesMin = message > 1 ? NoiseCipher.tagBytes : 0
        let byteCountMin = ephemeralBytes + staticBytes + payloadBytesMin
        guard byteCount >= byteCountMin else {
            throw .messageTooShort(byteCount: byteCount, byteCountMin: byteCountMin)
        }
        guard byteCount <= NoiseCipher.frameBytesMax else {
            throw .messageTooLong(byteCount: byteCount, byteCountMax: NoiseCipher.frameBytesMax)
        }
    }

    /// The first `count` bytes of `rest`, whose length `checkLength` has made sure of.
    private func take(_ count: Int, from rest: inout ArraySlice<UInt8>) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}
