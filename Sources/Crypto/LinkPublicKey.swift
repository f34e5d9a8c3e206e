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
        return isBelowPrime && LinkPublicKey.anyKey.agree(with: self) != nil
    }

    /// Any scalar gives zero with a point of low order.
    private static let anyKey = LinkKey(secret: SecretBytes([UInt8](repeating: 1, count: 32)))

    public static func < (left: LinkPublicKey, right: LinkPublicKey) -> Bool { left.digestBytes < right.digestBytes }
}
