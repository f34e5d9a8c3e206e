import Crypto

/// What two daemons must agree on before a link's handshake begins. Any difference makes its second message fail.
public enum LinkPrologue {
    /// The version of everything that is said on a link.
    public static let wireVersion: UInt16 = 1

    private static let tag = Array("mesh/link".utf8)

    /// The Noise prologue: 9 bytes of tag, 32 of network id, the wire version in 2 bytes, most significant first.
    public static func bytes(network: NetworkID, wireVersion: UInt16 = LinkPrologue.wireVersion) -> [UInt8] {
        tag + network.digest.bytes + [UInt8(wireVersion >> 8), UInt8(wireVersion & 0xff)]
    }
}

/// A handshake as its transcript hash names it (Noise specification rev 34, section 11.2). Signed by a node key, it says
/// that the node stands behind the link key of this one handshake.
public struct LinkTranscript: Statement, Hashable {
    public static let tag = "link"
    public static let hashBytes = 64

    /// The transcript hash right before the payload that carries the signature, 64 bytes: it covers the prologue, both
    /// ephemeral keys and the sender's link key.
    public let handshakeHash: [UInt8]

    public init(handshakeHash: [UInt8]) {
        precondition(handshakeHash.count == LinkTranscript.hashBytes, "a transcript hash has 64 bytes")
        self.handshakeHash = handshakeHash
    }

    public var cbor: CBOR { .record(["handshake_hash": .bytes(handshakeHash)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        handshakeHash = try reader.bytes("handshake_hash", limit: LinkTranscript.hashBytes)
        try reader.finish()
        guard handshakeHash.count == LinkTranscript.hashBytes else { throw .outOfRange(key: "handshake_hash") }
    }
}

/// The payload of a link's handshake messages 2 and 3: who speaks, and its node key's signature over the transcript.
public struct LinkGreeting: Record, Hashable {
    public let member: MemberID
    public let signature: Signature

    /// The greeting of `member` in the handshake with this transcript hash, signed by its node key.
    public init(member: MemberID, nodeKey: SigningKey, handshakeHash: [UInt8], network: NetworkID) {
        self.member = member
        signature = LinkTranscript(handshakeHash: handshakeHash).signature(by: nodeKey, network: network)
    }

    /// Whether `nodeKey`, which is to be the one of the member that the link key belongs to, signed this handshake.
    public func isSigned(by nodeKey: VerifyingKey, handshakeHash: [UInt8], network: NetworkID) -> Bool {
        LinkTranscript(handshakeHash: handshakeHash).isSigned(signature, by: nodeKey, network: network)
    }

    public var cbor: CBOR { .record(["member": member.cbor, "signature": .bytes(signature.bytes)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        member = try reader.identity("member")
        signature = try reader.signature("signature")
        try reader.finish()
    }
}
