import CSodium

/// An X25519 public key (RFC 7748): the name by which a site is known on the wire.
public struct LinkPublicKey: Hashable, Comparable, Sendable, CustomStringConvertible {
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

    /// Whether the key is written in its one canonical form (below 2^255 - 19) and is no point of low order. Two keys
    /// that differ as bytes then differ as points, so "link keys are unique" means what it says.
    public var isValidPoint: Bool {
        // Little-endian: p = 2^255 - 19 is ed, thirty times ff, 7f.
        let value = bytes
        let isBelowPrime =
            value[31] < 0x7f || (value[31] == 0x7f && (value[1...30].contains { $0 != 0xff } || value[0] < 0xed))
        return isBelowPrime && LinkKey(secret: SecretBytes([UInt8](repeating: 1, count: 32))).agree(with: self) != nil
    }

    public static func < (left: LinkPublicKey, right: LinkPublicKey) -> Bool { left.digestBytes < right.digestBytes }
}

/// An X25519 secret key: a site's static key on the wire, or one handshake's ephemeral key. Wiped when the last
/// reference goes.
public final class LinkKey: Sendable {
    public static let secretByteCount = 32

    public let publicKey: LinkPublicKey
    private let secret: SecretBytes

    /// - Parameter secret: 32 bytes; X25519 clamps them itself.
    public init(secret: SecretBytes) {
        _ = Sodium.ready
        precondition(secret.count == LinkKey.secretByteCount, "an X25519 secret has 32 bytes")
        var output = [UInt8](repeating: 0, count: LinkPublicKey.byteCount)
        let status = secret.withUnsafeBytes {
            crypto_scalarmult_curve25519_base(&output, $0.assumingMemoryBound(to: UInt8.self).baseAddress!)
        }
        precondition(status == 0)
        self.secret = secret
        publicKey = LinkPublicKey(bytes: output)!
    }

    /// The shared secret with the owner of `other`, 32 bytes; nil where it is all zero (RFC 7748 section 6.1), which only
    /// a point of low order gives.
    func agree(with other: LinkPublicKey) -> SecretBytes? {
        let point = other.bytes
        var status: Int32 = -1
        let shared = SecretBytes(count: 32) { output in
            secret.withUnsafeBytes { secret in
                status = crypto_scalarmult_curve25519(
                    output.assumingMemoryBound(to: UInt8.self).baseAddress!,
                    secret.assumingMemoryBound(to: UInt8.self).baseAddress!, point)
            }
        }
        let isZero = shared.withUnsafeBytes {
            sodium_is_zero($0.assumingMemoryBound(to: UInt8.self).baseAddress!, $0.count) == 1
        }
        return status == 0 && !isZero ? shared : nil
    }
}
