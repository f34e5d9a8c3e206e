/// The SymmetricState of the Noise specification (rev 34, section 5.2): chaining key, transcript hash, and the cipher of
/// the handshake once there is a key.
struct NoiseSymmetricState: Sendable {
    /// h: the hash of all that was said so far, 64 bytes.
    private(set) var hash: [UInt8]

    private var chainingKey: SecretBytes
    private var cipher: NoiseCipher?

    /// - Parameter protocolName: at most 64 ASCII characters.
    init(protocolName: String) {
        let name = Array(protocolName.utf8)
        precondition(name.count <= NoiseHash.byteCount)
        hash = name + [UInt8](repeating: 0, count: NoiseHash.byteCount - name.count)
        chainingKey = SecretBytes(hash)
    }

    mutating func mixHash(_ data: [UInt8]) {
        let hasher = NoiseHash()
        hasher.update(hash)
        hasher.update(data)
        hash.withUnsafeMutableBytes { hasher.finalize(into: $0) }
    }

    mutating func mixKey(_ input: SecretBytes) {
        let (next, key) = NoiseHash.deriveTwo(chainingKey: chainingKey, input: input)
        chainingKey = next
        cipher = NoiseCipher(key: key.slice(0..<32))
    }

    mutating func encryptAndHash(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let ciphertext = try cipher?.encrypt(plaintext, additionalData: hash) ?? plaintext
        mixHash(ciphertext)
        return ciphertext
    }

    mutating func decryptAndHash(_ ciphertext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let plaintext = try cipher?.decrypt(ciphertext, additionalData: hash) ?? ciphertext
        mixHash(ciphertext)
        return plaintext
    }

    /// The ciphers of the two directions, the initiator's first.
    func split() -> (NoiseCipher, NoiseCipher) {
        let (first, second) = NoiseHash.deriveTwo(chainingKey: chainingKey, input: SecretBytes([]))
        return (NoiseCipher(key: first.slice(0..<32)), NoiseCipher(key: second.slice(0..<32)))
    }
}
