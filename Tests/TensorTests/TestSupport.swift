import Crypto
import Glibc
import Tensor

/// SplitMix64: reproducible numbers, fast enough for millions.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// Heavy-tailed and of both signs, without transcendental functions, so that goldens do not depend on a libm:
    /// a sum of uniforms over a product of one and a uniform.
    mutating func pseudoGradient(_ count: Int) -> [Float] {
        (0..<count).map { _ in
            let word = next()
            let sum = Int(word & 0xFFF) + Int(word >> 12 & 0xFFF) + Int(word >> 24 & 0xFFF) - 6142
            return Float(sum) / Float((word >> 40 & 0xFFFF) + 400) * 0x1p-10
        }
    }

    /// Any finite float32 below 2^10, all exponents alike likely.
    mutating func anyFinite() -> Float {
        let word = UInt32(truncatingIfNeeded: next())
        let exponent = UInt32(truncatingIfNeeded: next() % 137)
        return Float(bitPattern: word & 0x807F_FFFF | exponent << 23)
    }
}

/// Layouts with every awkward shape: smaller than a chunk, one above it, a single number, several segments.
enum TestLayouts {
    static func small() throws -> ParameterLayout {
        try ParameterLayout([
            ("embedding", [260, 48]), ("norm", [48]), ("scalar", []), ("gate", [4097]), ("exact", [2, 4096]),
            ("x", [3]),
        ])
    }

    /// More than two blocks and one segment; blocks and segments cut tensors apart.
    static func several() throws -> ParameterLayout {
        try ParameterLayout([("a", [1000, 700]), ("b", [37]), ("c", [500, 901]), ("d", [5, 5])])
    }
}

/// A valid contribution of seeded noise.
func contribution(
    _ layout: ParameterLayout, _ profile: CodecProfile, seed: UInt64
) throws -> (contribution: Contribution, norm: UInt64) {
    var random = TestRandom(seed)
    return try contribution(layout, profile, delta: random.pseudoGradient(layout.parameterCount))
}

func contribution(
    _ layout: ParameterLayout, _ profile: CodecProfile, delta: [Float]
) throws -> (contribution: Contribution, norm: UInt64) {
    var residual = [Float](repeating: 0, count: layout.parameterCount)
    let (payload, summary) = try ContributionEncoder.encode(
        layout: layout, profile: profile, errorFeedback: .standard, delta: delta, residual: &residual)
    let contribution = try Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile)
    return (contribution, summary.norm)
}

/// The decoded values as fixed-point numbers, read chunk by chunk.
func decoded(_ contribution: Contribution) throws(CodecError) -> [Int64] {
    let layout = contribution.layout
    var values = [Int64](repeating: 0, count: layout.parameterCount)
    let decoder = SegmentDecoder(contribution)
    for index in 0..<layout.chunkCount {
        let offset = layout.chunk(at: index).offset
        switch try decoder.chunk(index) {
        case .sparse(let indices, let levels, let unit):
            for place in indices.indices { values[offset + Int(indices[place])] = Int64(levels[place]) * unit }
        case .dense(let dense):
            for place in dense.indices { values[offset + place] = dense[place] }
        }
    }
    return values
}

let profiles: [CodecProfile] = [
    .standard, .topK(kept: 256, bits: 4), .topK(kept: 4096, bits: 2), .topK(kept: 100, bits: 1),
    .topK(kept: 1024, bits: 2), .topK(kept: 511, bits: 8), .topK(kept: 4096, bits: 8), .denseFloat32, .denseBFloat16,
]
