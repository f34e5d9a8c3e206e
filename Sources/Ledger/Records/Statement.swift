import Crypto

/// A record that somebody signs. The tag keeps the kinds apart, in digests and in signatures.
public protocol Statement: Record {
    /// At most 11 ASCII characters, unique per kind.
    static var tag: String { get }
}

extension Statement {
    static var signatureDomain: SignatureDomain { SignatureDomain(statementTag: tag) }
    static var domain: DigestDomain { DigestDomain("mesh/" + tag) }

    /// The digest of the one encoding, in this kind's domain.
    public var digest: Digest { Digest(Self.domain, encoded) }

    public func signature(by key: SigningKey, network: NetworkID) -> Signature {
        key.sign(encoded, as: Self.signatureDomain, network: network.digest)
    }

    public func isSigned(_ signature: Signature, by key: VerifyingKey, network: NetworkID) -> Bool {
        key.verifies(signature, over: encoded, as: Self.signatureDomain, network: network.digest)
    }
}

extension SignatureDomain {
    /// Of the kind of statement with this tag.
    init(statementTag tag: String) { self.init("mesh/1/" + tag) }
}

/// A statement with the node-key signature of one member.
public struct Signed<Body: Statement>: Record {
    public let signer: MemberID
    public let body: Body
    public let signature: Signature

    public init(signer: MemberID, body: Body, signature: Signature) {
        self.signer = signer
        self.body = body
        self.signature = signature
    }

    public init(_ body: Body, signer: MemberID, key: SigningKey, network: NetworkID) {
        self.init(signer: signer, body: body, signature: body.signature(by: key, network: network))
    }

    /// Whether the signer is in `members` and its node key there made the signature.
    public func isValid(in members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        guard let member = members[signer] else { return false }
        return verifier.isSigned(signature, over: body, by: member.nodeKey, network: network)
    }

    public var cbor: CBOR {
        .record(["body": body.cbor, "signature": .bytes(signature.bytes), "signer": signer.cbor])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        body = try reader.record("body")
        signature = try reader.signature("signature")
        signer = try reader.identity("signer")
        try reader.finish()
    }
}

extension Signed: Hashable where Body: Hashable {}
