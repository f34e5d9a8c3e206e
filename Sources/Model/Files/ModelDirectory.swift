import FoundationEssentials
import Glibc
import JSON
import System
import Tensor

/// A model on disk in the layout of Hugging Face: config.json, model.safetensors (F32) and the tokenizer's files.
public enum ModelDirectory {
    public static let weightsName = "model.safetensors"
    static let configurationName = "config.json"
    static let configurationByteLimit = 1 << 20

    /// Throws unless a model can be written to `directory`: a file of it that is there is never replaced.
    public static func checkAbsent(_ directory: String) throws(ModelError) {
        let names = [weightsName, SafetensorsModel.indexName, configurationName, "tokenizer.json"]
        for path in names.map({ directory + "/" + $0 }) where access(path, F_OK) == 0 {
            throw .file(
                path: path, reason: "exists already; choose another directory, or remove the model that is there")
        }
    }

    /// Writes all files; each appears whole or not at all. Files that are there are never replaced.
    ///
    /// - Parameter parameters: the flat vector of `layout`.
    /// - Throws: `ModelError.file` or `.tensors` naming the path.
    public static func write(layout: ModelLayout, parameters: [Float], to directory: String) throws(ModelError) {
        precondition(parameters.count == layout.parameterCount, "the flat vector must fit the layout")
        try checkAbsent(directory)
        do throws(FileError) {
            try Folder.make(directory, mode: 0o755)
            for file in ModelMetadata(layout.configuration).files {
                try File.write(
                    Array(file.text.utf8), to: directory + "/" + file.name, mode: 0o666, temporaryName: .fixed)
            }
        } catch {
            throw .file(path: error.file, reason: error.reason)
        }
        let weights = directory + "/" + weightsName
        do {
            try SafetensorsFile.write(
                ParameterArray(parameters), layout: layout.parameters, metadata: [("format", "pt")], to: weights)
        } catch {
            throw .tensors(path: weights, reason: "\(error)")
        }
    }

    /// Reads `config.json`, and refuses whatever would compute otherwise here than in `transformers`.
    public static func readConfiguration(_ directory: String) throws(ModelError) -> ModelConfiguration {
        let path = directory + "/" + configurationName
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.contents(of: path, limitBytes: configurationByteLimit)
        } catch {
            throw .file(path: error.file, reason: error.reason)
        }
        return try configuration(bytes, path: path)
    }

    /// The decoder's errors print their whole structure; the sentence for people is inside.
    static func words(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "the field \(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "the field \(context.codingPath.map(\.stringValue).joined(separator: ".")) has a wrong type"
        case DecodingError.dataCorrupted(let context): context.debugDescription
        default: "\(error)"
        }
    }

    /// The configuration in the bytes of a `config.json`.
    static func configuration(_ bytes: [UInt8], path: String) throws(ModelError) -> ModelConfiguration {
        let fields: ConfigurationFields
        do {
            // Every site must read the same: two readers could take different ones of two fields of one name.
            _ = try JSONParser.parse(bytes, limitBytes: configurationByteLimit)
            fields = try JSONDecoder().decode(ConfigurationFields.self, from: Data(bytes))
        } catch {
            throw .configurationFile(path: path, reason: "is no Llama configuration: \(words(error))")
        }
        func require(_ holds: Bool, _ reason: String) throws(ModelError) {
            guard holds else { throw .configurationFile(path: path, reason: reason) }
        }
        try require(fields.modelType == "llama", "model_type must be llama")
        try require(fields.vocabSize == ModelConfiguration.vocabularySize, "vocab_size must be 260")
        try require(fields.tieWordEmbeddings == true, "tie_word_embeddings must be true")
        try require((fields.hiddenAct ?? "silu") == "silu", "hidden_act must be silu")
        try require(fields.attentionBias != true && fields.mlpBias != true, "biases are not supported")
        try require(
            (fields.numKeyValueHeads ?? fields.numAttentionHeads) == fields.numAttentionHeads,
            "num_key_value_heads must equal num_attention_heads")
        try require(
            (fields.ropeTheta ?? ModelConfiguration.rotaryBase) == ModelConfiguration.rotaryBase,
            "rope_theta must be 10000")
        try require(fields.rmsNormEps == 1e-5, "rms_norm_eps must be 1e-05")
        return try ModelConfiguration(
            hiddenSize: fields.hiddenSize, intermediateSize: fields.intermediateSize,
            layerCount: fields.numHiddenLayers, headCount: fields.numAttentionHeads,
            contextLength: fields.maxPositionEmbeddings)
    }

    /// Layout and flat parameter vector of a model directory.
    ///
    /// - Throws: `ModelError.configurationFile`, `.tensors` where names, shapes or values do not fit, `.file`.
    public static func read(_ directory: String) throws(ModelError) -> (layout: ModelLayout, parameters: [Float]) {
        let layout = ModelLayout(try readConfiguration(directory))
        let path = directory + "/" + weightsName
        let values: [Float]
        do {
            values = try SafetensorsModel(path: directory).parameters(layout.parameters).readAll()
        } catch {
            throw .tensors(path: path, reason: "\(error)")
        }
        guard values.allSatisfy(\.isFinite) else { throw .notFinite(what: "\(path): a parameter") }
        return (layout, values)
    }
}

/// The fields of `config.json` that decide the computation; others are ignored.
private struct ConfigurationFields: Decodable {
    let modelType: String?
    let vocabSize: Int
    let tieWordEmbeddings: Bool?
    let hiddenAct: String?
    let attentionBias: Bool?
    let mlpBias: Bool?
    let numKeyValueHeads: Int?
    let numAttentionHeads: Int
    let ropeTheta: Double?
    let rmsNormEps: Double
    let hiddenSize: Int
    let intermediateSize: Int
    let numHiddenLayers: Int
    let maxPositionEmbeddings: Int

    enum CodingKeys: String, CodingKey {
        case modelType = "model_type"
        case vocabSize = "vocab_size"
        case tieWordEmbeddings = "tie_word_embeddings"
        case hiddenAct = "hidden_act"
        case attentionBias = "attention_bias"
        case mlpBias = "mlp_bias"
        case numKeyValueHeads = "num_key_value_heads"
        case numAttentionHeads = "num_attention_heads"
        case ropeTheta = "rope_theta"
        case rmsNormEps = "rms_norm_eps"
        case hiddenSize = "hidden_size"
        case intermediateSize = "intermediate_size"
        case numHiddenLayers = "num_hidden_layers"
        case maxPositionEmbeddings = "max_position_embeddings"
    }
}
