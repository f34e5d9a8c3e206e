import CSodium

/// One direction of an encrypted link: the CipherState of the Noise specification (rev 34, section 5.1) over
/// ChaCha20-Poly1305 (RFC 8439), the nonce being four zero bytes and the frame counter, little-endian.
///
/// Never encrypt with two copies of one value: both would use the same nonces.
public struct NoiseCipher: Sendable {
    /// The longest frame that Noise knows, tag included.
    public static let frameBytesMax = 65_535
    /// What each frame has beyond its plaintext.
    public static let tagBytes = 16
    /// The longest plaintext of a frame.
    public static let plaintextBytesMax = frameBytesMax - tagBytes

    /// The number of frames so far, and so the nonce of the next; rekeying leaves it.
    public package(set) var counter: UInt64 = 0

    private var key: SecretBytes

    init(key: SecretBytes) {
        precondition(key.count == 32)
        _ = Sodium.ready
        self.key = key
    }

    /// The frame that carries `plaintext`: the ciphertext and its tag, 16 bytes longer.
    ///
    /// - Throws: `messageTooLong` above 65,519 bytes, `counterExhausted` after 2^64 - 1 frames.
    public mutating func encrypt(
        _ plaintext: some Collection<UInt8>, additionalData: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        let byteCount = plaintext.count
        guard byteCount <= NoiseCipher.plaintextBytesMax else {
            throw .messageTooLong(byteCount: byteCount, byteCountMax: NoiseCipher.plaintextBytesMax)
        }
        guard counter < .max else { throw .counterExhausted }
        let frame = withBytes(of: plaintext) { seal($0, nonce: counter, additionalData: additionalData) }
        counter += 1
        return frame
    }

    /// The plaintext of the next frame. A refused frame does not move the counter; the link is to be closed.
    ///
    /// - Throws: `messageTooShort` below 16 bytes, `messageTooLong` above 65,535, `counterExhausted`,
    ///   `authenticationFailed`.
    public mutating func decrypt(
        _ frame: some Collection<UInt8>, additionalData: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        let byteCount = frame.count
        guard byteCount >= NoiseCipher.tagBytes else {
            throw .messageTooShort(byteCount: byteCount, byteCountMin: NoiseCipher.tagBytes)
        }
        guard byteCount <= NoiseCipher.frameBytesMax else {
            throw .messageTooLong(byteCount: byteCount, byteCountMax: NoiseCipher.frameBytesMax)
        }
        guard counter < .max else { throw .counterExhausted }
        let opened = withBytes(of: frame) { open($0, nonce: counter, additionalData: additionalData) }
        guard let opened else { throw .authenticationFailed }
        counter += 1
        return opened
    }

    /// Replaces the key by a one-way function of itself (specification, sections 4.2 and 11.3): who steals the new key
    /// cannot read what went before. Both sides do it after the same frame.
    public mutating func rekey() {
        var sealed = [UInt8](repeating: 0, count: 32).withUnsafeBufferPointer {
            seal($0, nonce: .max, additionalData: [])
        }
        key = SecretBytes(count: 32) { $0.copyBytes(from: sealed[..<32]) }
        sealed.withUnsafeMutableBytes { sodium_memzero($0.baseAddress!, $0.count) }
    }
}

extension NoiseCipher {
    private func withBytes<Result>(
        of bytes: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        bytes.withContiguousStorageIfAvailable(body) ?? Array(bytes).withUnsafeBufferPointer(body)
    }

    private func nonceBytes(_ nonce: UInt64) -> [UInt8] {
        [0, 0, 0, 0] + withUnsafeBytes(of: nonce.littleEndian, Array.init)
    }

    private func seal(_ plaintext: UnsafeBufferPointer<UInt8>, nonce: UInt64, additionalData: [UInt8]) -> [UInt8] {
        let count = plaintext.count + NoiseCipher.tagBytes
        return [UInt8](unsafeUninitializedCapacity: count) { output, written in
            key.withUnsafeBytes { key in
                let status = crypto_aead_chacha20poly1305_ietf_encrypt(
                    output.baseAddress!, nil, plaintext.baseAddress, UInt64(plaintext.count), additionalData,
                    UInt64(additionalData.count), nil, nonceBytes(nonce),
                    key.assumingMemoryBound(to: UInt8.self).baseAddress!)
                precondition(status == 0)
            }
            written = count
        }
    }

    private func open(_ frame: UnsafeBufferPointer<UInt8>, nonce: UInt64, additionalData: [UInt8]) -> [UInt8]? {
        let count = frame.count - NoiseCipher.tagBytes
        var status: Int32 = -1
        // One byte more, so that an empty plaintext has an address too.
        let plaintext = [UInt8](unsafeUninitializedCapacity: count + 1) { output, written in
            key.withUnsafeBytes { key in
                status = crypto_aead_chacha20poly1305_ietf_decrypt(
                    output.baseAddress!, nil, nil, frame.baseAddress!, UInt64(frame.count), additionalData,
                    UInt64(additionalData.count), nonceBytes(nonce),
                    key.assumingMemoryBound(to: UInt8.self).baseAddress!)
            }
            written = status == 0 ? count : 0
        }
        return status == 0 ? plaintext : nil
    }
}
