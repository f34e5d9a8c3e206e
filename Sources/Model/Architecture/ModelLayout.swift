import Tensor

/// Where each tensor stands in the flat parameter vector.
///
/// The order is fixed: embedding; for each layer input norm, query, key, value, output, second norm, gate, up, down; the
/// final norm. Names and shapes are those of `LlamaForCausalLM`. Query, key and value (and gate and up) are neighbours, so
/// each group is one matrix to the forward and backward passes.
public struct ModelLayout: Sendable {
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
    /// All tensors, in the order of the flat vector: names, shapes ([output, input] for a projection), places.
    public let parameters: ParameterLayout
    let layers: [Layer]
    /// (V, C), tied to the output
    let embedding: Int
    /// (C)
    let finalNorm: Int

    public init(_ configuration: ModelConfiguration) {
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        var tensors: [(name: String, shape: [Int])] = []
        var position = 0
        func add(_ name: String, _ shape: [Int]) -> Int {
            defer { position += shape.reduce(1, *) }
            tensors.append((name, shape))
            return position
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
        self.layers = layers
        do {
            parameters = try ParameterLayout(tensors)
        } catch {
            preconditionFailure("every configuration in range has a layout: \(error)")
        }
    }

    /// All tensors, in the order of the flat vector.
    public var tensors: [ParameterTensor] { parameters.tensors }

    /// Whether the tensor is a matrix of a layer: neither the embedding nor a norm.
    func isProjection(_ tensor: ParameterTensor) -> Bool { tensor.isMatrix && tensor.offset != embedding }

    /// Length of the flat vector.
    public var parameterCount: Int { parameters.parameterCount }
}

extension ParameterTensor {
    /// Matrices decay and are drawn at random; norms neither.
    var isMatrix: Bool { shape.count == 2 }
}
