/// Which of a site's three secret keys a file holds. Each has a file of its own: the operator's is kept offline.
public enum KeyKind: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Ed25519: signs governance, and certifies the other two.
    case operatorKey = 1
    /// Ed25519: signs contributions, acks and votes.
    case nodeKey = 2
    /// X25519: the static key of the site's links.
    case linkKey = 3

    public var description: String {
        switch self {
        case .operatorKey: "operator key"
        case .nodeKey: "node key"
        case .linkKey: "link key"
        }
    }

    /// The 32 bytes of the public key that belongs to a secret of this kind.
    func publicKeyBytes(of secret: SecretBytes) -> [UInt8] {
        switch self {
        case .operatorKey, .nodeKey: SigningKey(seed: secret).verifyingKey.bytes
        case .linkKey: LinkKey(secret: secret).publicKey.bytes
        }
    }
}
