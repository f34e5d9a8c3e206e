import CSodium

/// What a signature says. The tag is signed along with the network and the message, so that a signature of one kind
/// can never be replayed as another.
public struct SignatureDomain: Hashable, Sendable {
    let tag: [UInt8]

    /// - Parameter tag: at most 32 ASCII characters, unique per kind of statement.
    public init(_ tag: String) {
        precondition(tag.utf8.count <= 32, "a signature domain has at most 32 characters")
        self.tag = Array(tag.utf8) + [UInt8](repeating: 0, count: 32 - tag.utf8.count)
    }

    /// The bytes that Ed25519 sees: 32 bytes of tag, 32 bytes of network id, then the message.
    func statement(network: Digest, message: [UInt8]) -> [UInt8] { tag + network.bytes + message }
}

/// An Ed25519 signature (RFC 8032), 64 bytes: R and S.
public struct Signature: Hashable, Sendable {
    public static let byteCount = 64

    public let bytes: [UInt8]

    /// The signature with exactly these 64 bytes, or nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Signature.byteCount else { return nil }
        self.bytes = Array(bytes)
    }
}

/// An Ed25519 public key.
public struct VerifyingKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    private let digestBytes: Digest

    /// The key with exactly these 32 bytes, or nil for any other count. Whether it is a usable point is asked with
    /// `isValidPoint`, once, when the key is admitted.
    public init?(bytes: some Collection<UInt8>) {
        guard let value = Digest(bytes: bytes) else { return nil }
        digestBytes = value
    }

    public var bytes: [UInt8] { digestBytes.bytes }
    public var description: String { digestBytes.description }

    /// Whether the key is a canonical point of the prime-order subgroup. To be checked at admission: libsodium 1.0.18
    /// verifies without the cofactor, and with this check every verifier agrees.
    public var isValidPoint: Bool {
        _ = Sodium.ready
        return crypto_core_ed25519_is_valid_point(bytes) == 1 && isTwiceItsHalf
    }

    /// libsodium before 1.0.20 without Debian's patch (CVE-2025-69277) takes the sum of a good point and the point of
    /// order 2 for a good one. Halved (times (L + 1) / 2) and doubled again, such a sum has lost that part.
    private var isTwiceItsHalf: Bool {
        var half = [UInt8](repeating: 0, count: VerifyingKey.byteCount)
        var twice = half
        return crypto_scalarmult_ed25519_noclamp(&half, VerifyingKey.inverseOfTwo, bytes) == 0
            && crypto_core_ed25519_add(&twice, half, half) == 0 && twice == bytes
    }

    /// (L + 1) / 2, little-endian, for the order L = 2^252 + 27742317777372353535851937790883648493.
    private static let inverseOfTwo: [UInt8] = [
        0xf7, 0xe9, 0x7a, 0x2e, 0x8d, 0x31, 0x09, 0x2c, 0x6b, 0xce, 0x7b, 0x51, 0xef, 0x7c, 0x6f, 0x0a,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08,
    ]

    /// Whether `signature` is this key's over (domain, network, message). Besides RFC 8032's equation, R must be a
    /// canonical point of the prime-order subgroup. The key itself must have passed `isValidPoint` before.
    public func verifies(
        _ signature: Signature, over message: [UInt8], as domain: SignatureDomain, network: Digest
    ) -> Bool {
        _ = Sodium.ready
        guard crypto_core_ed25519_is_valid_point(signature.bytes) == 1 else { return false }
        let statement = domain.statement(network: network, message: message)
        return crypto_sign_verify_detached(signature.bytes, statement, UInt64(statement.count), bytes) == 0
    }

    public static func < (left: VerifyingKey, right: VerifyingKey) -> Bool { left.digestBytes < right.digestBytes }
}

/// An Ed25519 secret key. Its memory is wiped when the last reference goes.
public final class SigningKey: Sendable {
    public static let seedByteCount = 32

    public let verifyingKey: VerifyingKey
    private let secret: SecretBytes

    /// The key that RFC 8032 derives from a 32-byte seed.
    public init(seed: SecretBytes) {
        _ = Sodium.ready
        precondition(seed.count == SigningKey.seedByteCount, "an Ed25519 seed has 32 bytes")
        var publicKey = [UInt8](repeating: 0, count: VerifyingKey.byteCount)
        secret = SecretBytes(count: Int(crypto_sign_secretkeybytes())) { secret in
            seed.withUnsafeBytes { seed in
                let status = crypto_sign_seed_keypair(
                    &publicKey, secret.assumingMemoryBound(to: UInt8.self).baseAddress!,
                    seed.assumingMemoryBound(to: UInt8.self).baseAddress!)
                precondition(status == 0)
            }
        }
        verifyingKey = VerifyingKey(bytes: publicKey)!
    }

    /// Signs (domain, network, message). Deterministic.
    public func sign(_ message: [UInt8], as domain: SignatureDomain, network: Digest) -> Signature {
        let statement = domain.statement(network: network, message: message)
        var signature = [UInt8](repeating: 0, count: Signature.byteCount)
        secret.withUnsafeBytes { secret in
            let status = crypto_sign_detached(
                &signature, nil, statement, UInt64(statement.count),
                secret.assumingMemoryBound(to: UInt8.self).baseAddress!)
            precondition(status == 0)
        }
        return Signature(bytes: signature)!
    }
}
