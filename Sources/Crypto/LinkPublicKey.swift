/// An X25519 public key (RFC 7748): by it a link knows whom it talks to.
public struct LinkPublicKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    private let value: Digest

    /// The key with exactly these 32 bytes, or nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard let value = Digest(bytes: bytes) else { return nil }
        self.value = value
    }

    public var bytes: [UInt8] { value.bytes }
    public var description: String { value.description }
    public static func < (left: LinkPublicKey, right: LinkPublicKey) -> Bool { left.value < right.value }
}
