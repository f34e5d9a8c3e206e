import Crypto

/// Checks signatures and remembers the valid ones, so that a certificate whose votes came one by one costs no second
/// verification. Holds at most two generations of `capacity` entries of 32 bytes each; never remembers a failure.
public final class Verifier {
    private var current: Set<Digest> = []
    private var previous: Set<Digest> = []
    private let capacity: Int
    /// How many signatures were really computed.
    public private(set) var computed: UInt64 = 0
    /// How many of them did not verify.
    public private(set) var failed: UInt64 = 0

    private static let domain = DigestDomain("mesh/verified")

    public init(capacity: Int = 1 << 15) { self.capacity = capacity }

    /// Signs `body` as `signer`, and remembers that the signature is valid: every certificate brings it back.
    public func signed<Body: Statement>(
        _ body: Body, signer: MemberID, key: SigningKey, network: NetworkID
    ) -> Signed<Body> {
        let signed = Signed(body, signer: signer, key: key, network: network)
        remember(Verifier.name(of: signed.signature, over: body, by: key.verifyingKey, network: network))
        return signed
    }

    /// Whether `key` made the signature over the statement.
    public func isSigned(
        _ signature: Signature, over statement: some Statement, by key: VerifyingKey, network: NetworkID
    ) -> Bool {
        let name = Verifier.name(of: signature, over: statement, by: key, network: network)
        if current.contains(name) || previous.contains(name) { return true }
        computed += 1
        guard statement.isSigned(signature, by: key, network: network) else {
            failed += 1
            return false
        }
        remember(name)
        return true
    }

    private static func name<Body: Statement>(
        of signature: Signature, over statement: Body, by key: VerifyingKey, network: NetworkID
    ) -> Digest {
        // The one part of unknown length comes first: the rest is told apart from the end.
        let tag = Body.tag.utf8
        var bytes = statement.encoded
        bytes += key.bytes
        bytes += signature.bytes
        bytes += network.digest.bytes
        bytes += tag
        bytes.append(UInt8(tag.count))
        return Digest(domain, bytes)
    }

    private func remember(_ name: Digest) {
        if current.count >= capacity {
            previous = current
            current = []
        }
        current.insert(name)
    }
}
