import CSodium

/// BLAKE2b-512 without a key, over parts; what the Noise specification (rev 34, section 12.5) calls BLAKE2b.
final class NoiseHash {
    /// HASHLEN of the specification.
    static let byteCount = 64
    /// BLOCKLEN of the specification.
    static let blockBytes = 128

    private let state: UnsafeMutableRawPointer

    init() {
        _ = Sodium.ready
        state = .allocate(byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        let status = crypto_generichash_blake2b_init(OpaquePointer(state), nil, 0, NoiseHash.byteCount)
        precondition(status == 0)
    }

    deinit {
        sodium_memzero(state, crypto_generichash_blake2b_statebytes())
        state.deallocate()
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        crypto_generichash_blake2b_update(
            OpaquePointer(state), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }
    func update(_ bytes: SecretBytes) { bytes.withUnsafeBytes { update($0) } }

    /// Writes the 64 bytes of the hash. The object is spent afterwards.
    func finalize(into output: UnsafeMutableRawBufferPointer) {
        precondition(output.count == NoiseHash.byteCount)
        let status = crypto_generichash_blake2b_final(
            OpaquePointer(state), output.assumingMemoryBound(to: UInt8.self).baseAddress!, output.count)
        precondition(status == 0)
    }
}

extension NoiseHash {
    /// HMAC (RFC 2104) over BLAKE2b-512. `write` feeds the message.
    ///
    /// - Parameter key: at most a block of 128 bytes, as all of Noise's keys are.
    static func hmac(key: SecretBytes, _ write: (NoiseHash) -> Void) -> SecretBytes {
        let inner = NoiseHash()
        inner.update(pad(key, with: 0x36))
        write(inner)
        let innerHash = SecretBytes(count: byteCount) { inner.finalize(into: $0) }
        let outer = NoiseHash()
        outer.update(pad(key, with: 0x5c))
        outer.update(innerHash)
        return SecretBytes(count: byteCount) { outer.finalize(into: $0) }
    }

    private static func pad(_ key: SecretBytes, with byte: UInt8) -> SecretBytes {
        precondition(key.count <= blockBytes)
        return SecretBytes(count: blockBytes) { block in
            key.withUnsafeBytes { block.copyMemory(from: $0) }
            for index in 0..<blockBytes { block[index] ^= byte }
        }
    }

    /// HKDF of the specification (section 4.3) with two outputs of 64 bytes.
    static func deriveTwo(chainingKey: SecretBytes, input: SecretBytes) -> (SecretBytes, SecretBytes) {
        let temporary = hmac(key: chainingKey) { $0.update(input) }
        let first = hmac(key: temporary) { $0.update([1]) }
        let second = hmac(key: temporary) {
            $0.update(first)
            $0.update([2])
        }
        return (first, second)
    }
}
