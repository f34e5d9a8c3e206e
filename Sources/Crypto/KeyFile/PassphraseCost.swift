import CSodium

/// What Argon2id (RFC 9106) spends on turning a passphrase into a key.
public struct PassphraseCost: Hashable, Sendable {
    /// Passes over the memory, 1 to 16.
    public let passes: UInt32
    /// Memory in KiB, 8 to 1,048,576 (1 GiB).
    public let memoryKibibytes: UInt32

    /// libsodium's "moderate": three passes over 256 MiB, about half a second.
    public static let moderate = PassphraseCost(uncheckedPasses: 3, memoryKibibytes: 262_144)

    /// The least that Argon2id allows; for tests, not for keys.
    public static let least = PassphraseCost(uncheckedPasses: 1, memoryKibibytes: 8)

    /// Nil outside of the ranges: a hostile file can then demand neither memory nor time without bounds.
    public init?(passes: UInt32, memoryKibibytes: UInt32) {
        guard (1...16).contains(passes), (8...1_048_576).contains(memoryKibibytes) else { return nil }
        self.init(uncheckedPasses: passes, memoryKibibytes: memoryKibibytes)
    }

    private init(uncheckedPasses passes: UInt32, memoryKibibytes: UInt32) {
        self.passes = passes
        self.memoryKibibytes = memoryKibibytes
    }

    static let saltBytes = 16

    /// The 32-byte key of `passphrase`; nil where the memory is not to be had.
    func deriveKey(passphrase: SecretBytes, salt: [UInt8]) -> SecretBytes? {
        _ = Sodium.ready
        precondition(salt.count == PassphraseCost.saltBytes)
        var status: Int32 = -1
        let key = SecretBytes(count: 32) { output in
            passphrase.withUnsafeBytes { passphrase in
                status = crypto_pwhash_argon2id(
                    output.assumingMemoryBound(to: UInt8.self).baseAddress!, UInt64(output.count),
                    passphrase.assumingMemoryBound(to: CChar.self).baseAddress!, UInt64(passphrase.count), salt,
                    UInt64(passes), Int(memoryKibibytes) * 1024, crypto_pwhash_argon2id_alg_argon2id13())
            }
        }
        return status == 0 ? key : nil
    }
}
