/// Where each tensor stands in the flat parameter vector.
///
/// The order is fixed: embedding; for each layer input norm, query, key, value, output, second norm, gate, up, down; the
/// final norm. Names and shapes are those of `LlamaForCausalLM`. Query, key and value (and gate and up) are neighbours, so
/// each group is one matrix to the forward and backward passes.
public struct ModelLayout: Sendable {
    /// One tensor: row-major, `shape` as in the Hugging Face file ([output, input] for a projection).
    public struct Tensor: Hashable, Sendable {
        public let name: String
        public let shape: [Int]
        /// Index of the first element in the flat vector.
        public let offset: Int
        public var count: Int { shape.reduce(1, *) }
        /// Matrices decay and are drawn at random; norms neither.
        public var isMatrix: Bool { shape.count == 2 }
    }

    /// Offsets of one layer's tensors.
    struct Layer: Sendable {
        /// (C)
        let inputNorm: Int
        /// (3C, C): query, key, value
        let queryKeyValue: Int
        /// (C, C)
        let output: Int
        /// (C)
        let postNorm: Int
        /// (2F, C): gate, up
        let gateUp: Int
        /// (C, F)
        let down: Int
    }

    public let configuration: ModelConfiguration
    /// All tensors, in the order of the flat vector.
    public let tensors: [Tensor]
    /// Length of the flat vector.
    public let parameterCount: Int
    let layers: [Layer]
    /// (V, C), tied to the output
    let embedding: Int
    /// (C)
    let finalNorm: Int

    public init(_ configuration: ModelConfiguration) {
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        var tensors: [Tensor] = []
        var position = 0
        func add(_ name: String, _ shape: [Int]) -> Int {
            let tensor = Tensor(name: name, shape: shape, offset: position)
            tensors.append(tensor)
            position += tensor.count
            return tensor.offset
        }
        embedding = add("model.embed_tokens.weight", [ModelConfiguration.vocabularySize, hidden])
        var layers: [Layer] = []
        for index in 0..<configuration.layerCount {
            let prefix = "model.layers.\(index)."
            let inputNorm = add(prefix + "input_layernorm.weight", [hidden])
            let query = add(prefix + "self_attn.q_proj.weight", [hidden, hidden])
            _ = add(prefix + "self_attn.k_proj.weight", [hidden, hidden])
            _ = add(prefix + "self_attn.v_proj.weight", [hidden, hidden])
            let output = add(prefix + "self_attn.o_proj.weight", [hidden, hidden])
            let postNorm = add(prefix + "post_attention_layernorm.weight", [hidden])
            let gate = add(prefix + "mlp.gate_proj.weight", [intermediate, hidden])
            _ = add(prefix + "mlp.up_proj.weight", [intermediate, hidden])
            let down = add(prefix + "mlp.down_proj.weight", [hidden, intermediate])
            layers.append(
                Layer(
                    inputNorm: inputNorm, queryKeyValue: query, output: output, postNorm: postNorm, gateUp: gate,
                    down: down))
        }
        finalNorm = add("model.norm.weight", [hidden])
        self.configuration = configuration
        self.tensors = tensors
        self.layers = layers
        parameterCount = position
    }
}
