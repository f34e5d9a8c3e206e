/// The shape of a transformer: everything that, with the names of `ModelLayout`, fixes the parameter vector.
///
/// The architecture is Llama's (Touvron et al. 2023): RMSNorm before each block, rotary position embedding in
/// rotate-half order, SwiGLU, no biases, embedding tied to the output, a byte-level vocabulary.
public struct ModelConfiguration: Hashable, Sendable {
    /// Width of the residual stream; a multiple of 8 and of `headCount`.
    public let hiddenSize: Int
    /// Width of the SwiGLU block; a multiple of 8.
    public let intermediateSize: Int
    /// Number of attention + feed-forward pairs.
    public let layerCount: Int
    /// Attention heads, each with keys and values of its own.
    public let headCount: Int
    /// Positions the model is trained on, in tokens; a multiple of 8.
    public let contextLength: Int

    /// Tokens: three special ones, 256 bytes, and U+2581 which stands for the space.
    public static let vocabularySize = 260
    /// Base of the rotary frequencies.
    public static let rotaryBase = 10_000.0
    /// Added to the mean square before the root.
    public static let normEpsilon: Float = 1e-5

    /// Width of one head; even, a multiple of 8.
    public var headSize: Int { hiddenSize / headCount }

    /// - Throws: `ModelError.configuration` naming the first field that is out of range.
    public init(
        hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int, contextLength: Int
    ) throws(ModelError) {
        func check(_ field: String, _ value: Int, _ range: ClosedRange<Int>, multipleOf unit: Int) throws(ModelError) {
            guard range.contains(value), value % unit == 0 else { throw .configuration(field: field, value: value) }
        }
        try check("hidden_size", hiddenSize, 8...8192, multipleOf: 8)
        try check("intermediate_size", intermediateSize, 8...65_536, multipleOf: 8)
        try check("num_hidden_layers", layerCount, 1...256, multipleOf: 1)
        try check("num_attention_heads", headCount, 1...256, multipleOf: 1)
        try check("max_position_embeddings", contextLength, 8...32_768, multipleOf: 8)
        guard hiddenSize % headCount == 0, (hiddenSize / headCount) % 8 == 0 else {
            throw .configuration(field: "num_attention_heads", value: headCount)
        }
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.contextLength = contextLength
    }
}

/// Named shapes, from one that two cores train in minutes to one for a small GPU.
public enum ModelPreset: String, CaseIterable, Sendable {
    /// 0.25 M parameters, context 128.
    case tiny
    /// 0.97 M parameters, context 128.
    case small
    /// 3.2 M parameters, context 256.
    case medium
    /// 10.7 M parameters, context 256: the shape of the reference figures in Docs/model.md.
    case base
    /// 25.4 M parameters, context 256.
    case large

    public var configuration: ModelConfiguration {
        let (hidden, intermediate, layers, heads, context) =
            switch self {
            case .tiny: (96, 256, 2, 3, 128)
            case .small: (160, 432, 3, 5, 128)
            case .medium: (256, 688, 4, 8, 256)
            case .base: (384, 1024, 6, 6, 256)
            case .large: (512, 1376, 8, 8, 256)
            }
        do {
            return try ModelConfiguration(
                hiddenSize: hidden, intermediateSize: intermediate, layerCount: layers, headCount: heads,
                contextLength: context)
        } catch {
            preconditionFailure("preset \(rawValue) is out of range: \(error)")
        }
    }
}
