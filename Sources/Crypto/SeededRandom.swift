import CSodium

/// A ChaCha20 generator from a 32-byte seed. The daemon seeds it from the system and gets a cryptographic generator;
/// the simulator seeds it with a number and gets the same stream in every process.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private let seed: SecretBytes
    private var block: [UInt8] = []
    private var position = 0
    private var counter: UInt64 = 0

    private static let blockBytes = 512

    public init(seed: SecretBytes) {
        precondition(seed.count == 32, "a generator's seed has 32 bytes")
        self.seed = seed
    }

    /// The stream that belongs to a simulation's seed.
    public init(simulationSeed: UInt64) {
        self.init(
            seed: SecretBytes(
                Digest(DigestDomain("mesh/sim-seed"), withUnsafeBytes(of: simulationSeed.littleEndian, Array.init))
                    .bytes))
    }

    /// A generator seeded by the system.
    public static func system() -> SeededRandom { SeededRandom(seed: .random(count: 32)) }

    public mutating func next() -> UInt64 {
        if position + 8 > block.count { refill() }
        var value: UInt64 = 0
        for offset in 0..<8 { value |= UInt64(block[position + offset]) << UInt64(8 * offset) }
        position += 8
        return value
    }

    /// `count` bytes of the stream, as a secret.
    public mutating func secret(count: Int) -> SecretBytes {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        defer { bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress!, $0.count) } }
        return SecretBytes(Array(bytes.prefix(count)))
    }

    /// A generator of its own, seeded from this one: a part of a program that draws more or less does not shift the
    /// draws of another part.
    public mutating func split() -> SeededRandom { SeededRandom(seed: secret(count: 32)) }

    private mutating func refill() {
        block = [UInt8](repeating: 0, count: SeededRandom.blockBytes)
        var nonce = withUnsafeBytes(of: counter.littleEndian, Array.init)
        seed.withUnsafeBytes { key in
            let status = crypto_stream_chacha20(
                &block, UInt64(block.count), &nonce, key.assumingMemoryBound(to: UInt8.self).baseAddress!)
            precondition(status == 0)
        }
        counter += 1
        position = 0
    }
}
