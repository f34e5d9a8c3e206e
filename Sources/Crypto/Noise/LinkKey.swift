import CSodium

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
