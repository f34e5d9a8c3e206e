import CSodium

/// A BLAKE2b-256 digest (RFC 7693): the name of a record, a piece, a parameter block or a whole tree.
///
/// Ordered as big-endian bytes, so that a sorted list of digests is the same list everywhere.
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    /// The digest of nothing: 32 zero bytes. Stands where a record has no predecessor.
    public static let zero = Digest(word0: 0, word1: 0, word2: 0, word3: 0)

    private let word0, word1, word2, word3: UInt64

    private init(word0: UInt64, word1: UInt64, word2: UInt64, word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// The digest with exactly these 32 bytes, or nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        let direct = bytes.withContiguousStorageIfAvailable { Digest(UnsafeRawBufferPointer($0)) }
        self = direct ?? Array(bytes).withUnsafeBytes { Digest($0) }
    }

    /// - Parameter bytes: exactly 32.
    private init(_ bytes: UnsafeRawBufferPointer) {
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        self.init(word0: word(0), word1: word(8), word2: word(16), word3: word(24))
    }

    /// The digest written as 64 hexadecimal digits, or nil.
    public init?(hex: String) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        let words = (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)
        return withUnsafeBytes(of: words) { [UInt8]($0) }
    }

    /// 64 hexadecimal digits.
    public var description: String { Hex.encode(bytes) }

    /// The first 12 hexadecimal digits: enough for a person to tell two digests apart.
    public var short: String { String(description.prefix(12)) }

    public static func < (left: Digest, right: Digest) -> Bool {
        if left.word0 != right.word0 { return left.word0 < right.word0 }
        if left.word1 != right.word1 { return left.word1 < right.word1 }
        if left.word2 != right.word2 { return left.word2 < right.word2 }
        return left.word3 < right.word3
    }
}

/// What a digest is the digest of. The tag is BLAKE2b's personalisation (RFC 7693 section 2.5), so a digest of one
/// kind can never be passed off as one of another; any BLAKE2b library with the `person` parameter checks it.
public struct DigestDomain: Hashable, Sendable {
    /// The tag, zero-padded to BLAKE2b's 16 bytes.
    let personalisation: [UInt8]

    /// - Parameter tag: at most 16 ASCII characters, unique per kind of object.
    public init(_ tag: String) {
        precondition(tag.utf8.count <= 16, "a digest domain has at most 16 characters")
        personalisation = Array(tag.utf8) + [UInt8](repeating: 0, count: 16 - tag.utf8.count)
    }
}

extension Digest {
    /// The digest of `bytes` in `domain`.
    public init(_ domain: DigestDomain, _ bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Digest(domain, $0) }
    }

    /// The digest of a raw buffer in `domain`.
    public init(_ domain: DigestDomain, _ bytes: UnsafeRawBufferPointer) {
        _ = Sodium.ready
        self = withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { output in
            let base = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
            let status = crypto_generichash_blake2b_salt_personal(
                base, Digest.byteCount, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(bytes.count), nil, 0, nil, domain.personalisation)
            precondition(status == 0)
            return Digest(bytes: UnsafeRawBufferPointer(output))!
        }
    }
}

extension Digest {
    /// The keyed digest of `bytes` in `domain` (RFC 7693 section 2.9): without the key nobody can confirm a guess of the bytes.
    ///
    /// - Parameter key: 1 to 64 bytes.
    public init(_ domain: DigestDomain, key: SecretBytes, _ bytes: [UInt8]) {
        let hasher = DigestHasher(domain, key: key)
        hasher.update(bytes)
        self = hasher.finalize()
    }
}

/// BLAKE2b-256 over data that comes in parts: files and parameter blocks that are never whole in memory.
public final class DigestHasher {
    private let state: UnsafeMutableRawPointer

    public init(_ domain: DigestDomain) {
        _ = Sodium.ready
        state = .allocate(byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        let status = crypto_generichash_blake2b_init_salt_personal(
            typedState, nil, 0, Digest.byteCount, nil, domain.personalisation)
        precondition(status == 0)
    }

    /// A keyed hasher (RFC 7693 section 2.9).
    ///
    /// - Parameter key: 1 to 64 bytes.
    public init(_ domain: DigestDomain, key: SecretBytes) {
        _ = Sodium.ready
        precondition((1...64).contains(key.count), "a BLAKE2b key has 1 to 64 bytes")
        state = .allocate(byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        let status = key.withUnsafeBytes { key in
            crypto_generichash_blake2b_init_salt_personal(
                OpaquePointer(state), key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count, Digest.byteCount,
                nil, domain.personalisation)
        }
        precondition(status == 0)
    }

    deinit {
        // It may have been keyed.
        sodium_memzero(state, crypto_generichash_blake2b_statebytes())
        state.deallocate()
    }

    /// Swift does not import the 64-byte aligned C struct, so the state is opaque here.
    private var typedState: OpaquePointer { OpaquePointer(state) }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        crypto_generichash_blake2b_update(
            typedState, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    public func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of all that was given. The hasher is spent afterwards.
    public func finalize() -> Digest {
        var output = [UInt8](repeating: 0, count: Digest.byteCount)
        let status = crypto_generichash_blake2b_final(typedState, &output, Digest.byteCount)
        precondition(status == 0, "a DigestHasher gives one digest")
        return Digest(bytes: output)!
    }
}
