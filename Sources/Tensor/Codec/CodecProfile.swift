/// How a pseudo-gradient is written. Fixed by the rules of a network, named in the header of each payload.
public enum CodecProfile: Hashable, Sendable {
    /// The k largest magnitudes of each chunk of 4096, each as one of 2^bits odd levels times a scale for the chunk.
    /// Error feedback keeps the rest. `kept` is 1 to 4096, `bits` 1, 2, 4 or 8.
    case topK(kept: Int, bits: Int)
    /// Every parameter as float32.
    case denseFloat32
    /// Every parameter as bfloat16. Error feedback keeps what the rounding took.
    case denseBFloat16

    /// The profile of the default rules: 64 of 4096, 2 bits.
    public static let standard = CodecProfile.topK(kept: 64, bits: 2)

    /// The bits that a value of a top-k payload can have.
    public static let topKBits: Set<Int> = [1, 2, 4, 8]

    /// Whether the numbers are in range.
    public var isValid: Bool {
        switch self {
        case .topK(let kept, let bits):
            (1...ParameterLayout.chunkParameters).contains(kept) && Self.topKBits.contains(bits)
        case .denseFloat32, .denseBFloat16: true
        }
    }

    /// Whether every parameter is sent.
    public var isDense: Bool { denseBytes > 0 }

    /// Bytes of a parameter in a dense payload; 0 for top-k.
    var denseBytes: Int {
        switch self {
        case .topK: 0
        case .denseFloat32: 4
        case .denseBFloat16: 2
        }
    }

    /// The most entries in a chunk of `count` parameters: `kept` in proportion, rounded down, at least one.
    func entryLimit(chunkCount count: Int) -> Int {
        switch self {
        case .topK(let kept, _): max(1, kept * count / ParameterLayout.chunkParameters)
        case .denseFloat32, .denseBFloat16: count
        }
    }
}

/// How much of what was not sent is kept for the next contribution (error feedback, Seide et al. 2014).
public struct ErrorFeedback: Hashable, Sendable {
    /// The factor in 65,536ths: 0 (nothing is kept) to 65,536 (everything).
    public let decayQ16: UInt32

    public init(decayQ16: UInt32) {
        precondition(decayQ16 <= 65_536)
        self.decayQ16 = decayQ16
    }

    /// 0.95, to the nearest 65,536th.
    public static let standard = ErrorFeedback(decayQ16: 62_259)

    /// Exact in float32.
    var decay: Float { Float(decayQ16) / 65_536 }
}
