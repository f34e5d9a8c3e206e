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

    public init(capacity: Int = 1 << 15) { self.capacity = capacity }

    /// Signs `body` as `signer`, and remembers that the signature is valid: every certificate brings it back.
    public func signed<Body: Statement>(
        _ body: Body, signer: MemberID, key: SigningKey, network: NetworkID
    ) -> Signed<Body> {
        let message = body.encoded
        let signature = key.sign(message, as: Body.signatureDomain, network: network.digest)
        remember(
            SignatureCheck(signature, over: message, tag: Body.tag, by: key.verifyingKey, network: network).name)
        return Signed(signer: signer, body: body, signature: signature)
    }

    /// Whether `key` made the signature over the statement.
    public func isSigned<Body: Statement>(
        _ signature: Signature, over statement: Body, by key: VerifyingKey, network: NetworkID
    ) -> Bool {
        let check = SignatureCheck(signature, over: statement.encoded, tag: Body.tag, by: key, network: network)
        if current.contains(check.name) || previous.contains(check.name) { return true }
        if listed != nil {
            listed?.append(check)
            return true
        }
        if invalid.contains(check.name) {
            failed += 1
            return false
        }
        computed += 1
        guard check.isValid() else {
            failed += 1
            return false
        }
        remember(check.name)
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
    /// Of key, network, kind of statement, message and signature.
    let name: Digest
    private let signature: Signature
    private let message: [UInt8]
    private let tag: String
    private let key: VerifyingKey
    private let network: NetworkID

    private static let domain = DigestDomain("mesh/verified")

    /// - Parameters:
    ///   - message: the encoded statement.
    ///   - tag: of its kind (`Statement.tag`).
    init(_ signature: Signature, over message: [UInt8], tag: String, by key: VerifyingKey, network: NetworkID) {
        self.signature = signature
        self.message = message
        self.tag = tag
        self.key = key
        self.network = network
        // The one part of unknown length comes first: the rest is told apart from the end.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(message.count + 192)
        bytes += message
        bytes += key.bytes
        bytes += signature.bytes
        bytes += network.digest.bytes
        bytes += tag.utf8
        bytes.append(UInt8(tag.utf8.count))
        name = Digest(SignatureCheck.domain, bytes)
    }

    public func isValid() -> Bool {
        key.verifies(signature, over: message, as: SignatureDomain(statementTag: tag), network: network.digest)
    }
}
