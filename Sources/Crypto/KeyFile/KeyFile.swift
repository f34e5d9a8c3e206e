import CSodium

/// One secret key as it lies on disk, in the clear or under a passphrase. The format, all integers little-endian:
///
///     0    8   magic "meshkey\n"
///     8    1   version, 1
///     9    1   kind: 1 operator, 2 node, 3 link
///     10   1   protection: 0 none, 1 passphrase
///     11   1   zero
///     12   32  public key
///     44   32  the secret (an Ed25519 seed or an X25519 scalar)                     without a passphrase; or
///     44   4   passes of Argon2id, then 4 KiB of memory, 16 salt, 24 nonce
///     92   48  the secret under XChaCha20-Poly1305, all before it as additional data    with one
///     -32  32  BLAKE2b-256 of all before it, personalised "mesh/key-file"
///
/// The checksum tells a damaged file from a wrong passphrase; it protects against accidents, not against a thief.
public struct KeyFile: Sendable {
    public let kind: KeyKind
    /// Readable without the passphrase: an Ed25519 or X25519 key, according to `kind`.
    public let publicKeyBytes: [UInt8]
    /// Where the file was read from or goes to; errors name it.
    public let path: String

    /// The whole file, as it is stored.
    public let contents: SecretBytes

    private let cost: PassphraseCost?

    /// Whether a passphrase is needed to get at the secret.
    public var isProtected: Bool { cost != nil }

    /// The Ed25519 key in the file. Costs what Argon2id costs where there is a passphrase.
    public func signingKey(passphrase: SecretBytes? = nil) throws(KeyFileError) -> SigningKey {
        precondition(kind != .linkKey, "a link key signs nothing")
        return SigningKey(seed: try secret(passphrase: passphrase))
    }

    /// The X25519 key in the file. Costs what Argon2id costs where there is a passphrase.
    public func linkKey(passphrase: SecretBytes? = nil) throws(KeyFileError) -> LinkKey {
        precondition(kind == .linkKey, "only a link key's file holds an X25519 key")
        return LinkKey(secret: try secret(passphrase: passphrase))
    }
}

extension KeyFile {
    private static let magic = Array("meshkey\n".utf8)
    private static let version: UInt8 = 1
    private static let domain = DigestDomain("mesh/key-file")
    private static let nonceBytes = 24
    private static let secretBytes = 32
    private static let headerBytes = 44
    private static let sealedHeaderBytes = headerBytes + 8 + PassphraseCost.saltBytes + nonceBytes

    /// The two lengths that a key file can have: in the clear, and under a passphrase.
    static let byteCounts = [
        headerBytes + secretBytes + Digest.byteCount,
        sealedHeaderBytes + secretBytes + 16 + Digest.byteCount,
    ]

    /// The file of a key.
    ///
    /// - Parameters:
    ///   - secret: 32 bytes: an Ed25519 seed or an X25519 secret.
    ///   - passphrase: nil leaves the secret in the clear, which is for machines that must start without a person.
    ///   - random: where salt and nonce come from.
    /// - Throws: `passphraseMissing` for an empty passphrase, `outOfMemory`.
    public init(
        kind: KeyKind, secret: SecretBytes, path: String, passphrase: SecretBytes? = nil,
        cost: PassphraseCost = .moderate, random: inout SeededRandom
    ) throws(KeyFileError) {
        precondition(secret.count == KeyFile.secretBytes)
        self.kind = kind
        self.path = path
        self.cost = passphrase == nil ? nil : cost
        publicKeyBytes = kind.publicKeyBytes(of: secret)

        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)  // no append moves the array and leaves a copy of the secret behind
        defer { bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress!, $0.count) } }
        bytes += KeyFile.magic
        bytes += [KeyFile.version, kind.rawValue, passphrase == nil ? 0 : 1, 0]
        bytes += publicKeyBytes
        if let passphrase {
            let salt = random.secret(count: PassphraseCost.saltBytes).withUnsafeBytes { Array($0) }
            let nonce = random.secret(count: KeyFile.nonceBytes).withUnsafeBytes { Array($0) }
            for value in [cost.passes, cost.memoryKibibytes] {
                bytes += withUnsafeBytes(of: value.littleEndian, Array.init)
            }
            bytes += salt + nonce
            let key = try KeyFile.deriveKey(passphrase, salt: salt, cost: cost, path: path)
            bytes += KeyFile.seal(secret, key: key, nonce: nonce, additionalData: bytes)
        } else {
            secret.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        bytes += Digest(KeyFile.domain, bytes).bytes
        contents = SecretBytes(bytes)
    }

    /// Reads a file's bytes. Checks everything that can be checked without the passphrase.
    ///
    /// - Throws: `wrongLength`, `wrongMagic`, `unsupportedVersion`, `damaged`, `wrongKind`, `unknownProtection`,
    ///   `costOutOfRange`.
    public init(contents: SecretBytes, kind: KeyKind, path: String) throws(KeyFileError) {
        func refuse(_ problem: KeyFileError.Problem) -> KeyFileError { KeyFileError(path: path, problem: problem) }
        let count = contents.count
        guard KeyFile.byteCounts.contains(count) else {
            throw refuse(.wrongLength(byteCount: count, expected: KeyFile.byteCounts))
        }
        let header = KeyFile.slice(contents, 0..<12)
        guard Array(header[..<8]) == KeyFile.magic else { throw refuse(.wrongMagic) }
        guard header[8] == KeyFile.version else { throw refuse(.unsupportedVersion(header[8])) }
        let checksum = KeyFile.slice(contents, count - Digest.byteCount..<count)
        let digest = contents.withUnsafeBytes {
            Digest(KeyFile.domain, UnsafeRawBufferPointer(rebasing: $0[..<(count - Digest.byteCount)]))
        }
        guard Digest(bytes: checksum) == digest else { throw refuse(.damaged) }
        guard header[9] == kind.rawValue else { throw refuse(.wrongKind(found: header[9], expected: kind)) }
        guard header[10] < 2, header[11] == 0 else { throw refuse(.unknownProtection(header[10])) }
        let expected = KeyFile.byteCounts[Int(header[10])]
        guard count == expected else { throw refuse(.wrongLength(byteCount: count, expected: [expected])) }

        self.contents = contents
        self.kind = kind
        self.path = path
        publicKeyBytes = KeyFile.slice(contents, 12..<KeyFile.headerBytes)
        guard header[10] == 1 else {
            cost = nil
            return
        }
        let passes = KeyFile.integer(contents, at: KeyFile.headerBytes)
        let memoryKibibytes = KeyFile.integer(contents, at: KeyFile.headerBytes + 4)
        cost = PassphraseCost(passes: passes, memoryKibibytes: memoryKibibytes)
        guard cost != nil else { throw refuse(.costOutOfRange(passes: passes, memoryKibibytes: memoryKibibytes)) }
    }

    /// The 32 secret bytes, checked against the public key.
    func secret(passphrase: SecretBytes?) throws(KeyFileError) -> SecretBytes {
        let secret: SecretBytes
        if let cost {
            secret = try unseal(passphrase, cost: cost)
        } else {
            secret = contents.slice(KeyFile.headerBytes..<KeyFile.headerBytes + KeyFile.secretBytes)
        }
        guard kind.publicKeyBytes(of: secret) == publicKeyBytes else {
            throw KeyFileError(path: path, problem: .publicKeyMismatch)
        }
        return secret
    }

    private func unseal(_ passphrase: SecretBytes?, cost: PassphraseCost) throws(KeyFileError) -> SecretBytes {
        guard let passphrase else { throw KeyFileError(path: path, problem: .passphraseMissing) }
        let start = KeyFile.sealedHeaderBytes
        let nonceStart = start - KeyFile.nonceBytes
        let salt = KeyFile.slice(contents, KeyFile.headerBytes + 8..<nonceStart)
        let key = try KeyFile.deriveKey(passphrase, salt: salt, cost: cost, path: path)
        let additionalData = KeyFile.slice(contents, 0..<start)
        let nonce = KeyFile.slice(contents, nonceStart..<start)
        let sealed = KeyFile.slice(contents, start..<start + KeyFile.secretBytes + 16)
        var status: Int32 = -1
        let secret = SecretBytes(count: KeyFile.secretBytes) { output in
            key.withUnsafeBytes { key in
                status = crypto_aead_xchacha20poly1305_ietf_decrypt(
                    output.assumingMemoryBound(to: UInt8.self).baseAddress!, nil, nil, sealed, UInt64(sealed.count),
                    additionalData, UInt64(additionalData.count), nonce,
                    key.assumingMemoryBound(to: UInt8.self).baseAddress!)
            }
        }
        guard status == 0 else { throw KeyFileError(path: path, problem: .passphraseWrong) }
        return secret
    }

    private static func seal(
        _ secret: SecretBytes, key: SecretBytes, nonce: [UInt8], additionalData: [UInt8]
    ) -> [UInt8] {
        var sealed = [UInt8](repeating: 0, count: secretBytes + 16)
        secret.withUnsafeBytes { secret in
            key.withUnsafeBytes { key in
                let status = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &sealed, nil, secret.assumingMemoryBound(to: UInt8.self).baseAddress!, UInt64(secret.count),
                    additionalData, UInt64(additionalData.count), nil, nonce,
                    key.assumingMemoryBound(to: UInt8.self).baseAddress!)
                precondition(status == 0)
            }
        }
        return sealed
    }

    private static func deriveKey(
        _ passphrase: SecretBytes, salt: [UInt8], cost: PassphraseCost, path: String
    ) throws(KeyFileError) -> SecretBytes {
        guard passphrase.count > 0 else { throw KeyFileError(path: path, problem: .passphraseMissing) }
        guard let key = cost.deriveKey(passphrase: passphrase, salt: salt) else {
            throw KeyFileError(path: path, problem: .outOfMemory(memoryKibibytes: cost.memoryKibibytes))
        }
        return key
    }

    /// Bytes of the file that are no secret.
    private static func slice(_ contents: SecretBytes, _ range: Range<Int>) -> [UInt8] {
        contents.withUnsafeBytes { Array($0[range]) }
    }

    private static func integer(_ contents: SecretBytes, at offset: Int) -> UInt32 {
        slice(contents, offset..<offset + 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
