/// SplitMix64 (Steele, Lea, Flood 2014): small, seekable by its state, the same stream everywhere. It draws starting
/// weights and batches; nothing secret.
public struct SplitMix: RandomNumberGenerator, Sendable {
    public private(set) var state: UInt64

    public init(state: UInt64) { self.state = state }

    /// A stream for item `index` of `seed`: neighbours have nothing in common.
    public init(seed: UInt64, index: UInt64) {
        var outer = SplitMix(state: seed)
        var inner = SplitMix(state: outer.next() ^ index)
        state = inner.next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SplitMix.mix(state)
    }

    /// The finalizer: a bijection of 64-bit words in which every input bit reaches every output bit.
    static func mix(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
