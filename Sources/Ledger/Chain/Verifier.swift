import Crypto

/// Checks signatures and remembers the valid ones, so that a certificate whose votes came one by one costs no second
/// verification. Holds at most two generations of `capacity` entries of 32 bytes each. Of invalid signatures it remembers
/// only those that another thread found, at most 1,024.
///
/// Belongs to one thread. Another thread can compute for it: `checks(of:)` lists what is unknown, `learn` takes the results.
public final class Verifier {
    private var current: Set<Digest> = []
    private var previous: Set<Digest> = []
    private var invalid: Set<Digest> = []
    private let capacity: Int
    /// While checks are listed: those so far.
    private var listed: [SignatureCheck]?
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
        if listed != nil {
            listed?.append(SignatureCheck(name, signature, over: statement, by: key, network: network))
            return true
        }
        if invalid.contains(name) {
            failed += 1
            return false
        }
        computed += 1
        guard statement.isSigned(signature, by: key, network: network) else {
            failed += 1
            return false
        }
        remember(name)
        return true
    }

    /// The checks that `body` would compute here, if each of them succeeds. Nothing is computed or counted.
    public func checks(of body: () -> Void) -> [SignatureCheck] {
        precondition(listed == nil, "checks are listed for one caller at a time")
        listed = []
        body()
        defer { listed = nil }
        return listed ?? []
    }

    /// Takes the result of a check that another thread computed.
    public func learn(_ check: SignatureCheck, isValid: Bool) {
        if isValid { return remember(check.name) }
        if invalid.count >= 1_024 { invalid = [] }
        invalid.insert(check.name)
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

/// One signature to be checked, on any thread.
public struct SignatureCheck: Sendable {
    let name: Digest
    private let signature: Signature
    private let message: [UInt8]
    private let domain: SignatureDomain
    private let key: VerifyingKey
    private let network: NetworkID

    init<Body: Statement>(
        _ name: Digest, _ signature: Signature, over statement: Body, by key: VerifyingKey, network: NetworkID
    ) {
        self.name = name
        self.signature = signature
        self.message = statement.encoded
        self.domain = Body.signatureDomain
        self.key = key
        self.network = network
    }

    public func isValid() -> Bool { key.verifies(signature, over: message, as: domain, network: network.digest) }
}
