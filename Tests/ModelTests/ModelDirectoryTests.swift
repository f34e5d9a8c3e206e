import FoundationEssentials
import Tensor
import Testing

@testable import Model

@Suite struct ModelDirectoryTests {
    @Test func directoryComesBackUnchanged() throws {
        try withTemporaryDirectory { directory in
            let layout = ModelLayout(try microConfiguration())
            let parameters = Initialization.parameters(layout, seed: 3)
            try ModelDirectory.write(layout: layout, parameters: parameters, to: directory + "/model")
            let back = try ModelDirectory.read(directory + "/model")
            #expect(back.layout.configuration == layout.configuration)
            #expect(back.parameters.map(\.bitPattern) == parameters.map(\.bitPattern))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: directory + "/model").sorted() == [
                    "config.json", "generation_config.json", "model.safetensors", "special_tokens_map.json",
                    "tokenizer.json", "tokenizer_config.json",
                ])
            // The file's own order is the flat vector's, so a founding file made from it has the same layout.
            let file = try SafetensorsFile(path: directory + "/model/model.safetensors")
            #expect(try file.layout() == layout.parameters)
        }
    }

    @Test(arguments: ModelPreset.allCases)
    func configurationComesBack(preset: ModelPreset) throws {
        let metadata = ModelMetadata(preset.configuration)
        let text = try #require(metadata.files.first { $0.name == "config.json" }).text
        #expect(try ModelDirectory.configuration(Array(text.utf8), path: "") == preset.configuration)
    }

    @Test func metadataIsJSONWithTheWholeVocabulary() throws {
        struct Tokenizer: Decodable {
            struct Model: Decodable {
                let vocab: [String: Int]
                let merges: [String]
            }
            struct Step: Decodable { let type: String }
            struct Steps: Decodable { let decoders: [Step] }
            let model: Model
            let decoder: Steps
        }
        let metadata = ModelMetadata(try microConfiguration())
        let text = try #require(metadata.files.first { $0.name == "tokenizer.json" }).text
        let tokenizer = try JSONDecoder().decode(Tokenizer.self, from: Data(text.utf8))
        #expect(tokenizer.model.vocab.count == 260 && tokenizer.model.merges.isEmpty)
        #expect(tokenizer.decoder.decoders.map(\.type) == ["Replace", "ByteFallback", "Fuse"])
        #expect(tokenizer.model.vocab["<0x41>"] == 68 && tokenizer.model.vocab["\u{2581}"] == 259)
        for file in metadata.files {
            #expect(throws: Never.self, "\(file.name)") {
                try JSONDecoder().decode([String: Anything].self, from: Data(file.text.utf8))
            }
        }
    }

    @Test(arguments: [
        ("\"llama\"", "\"gpt2\""), ("260", "32000"),
        ("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"),
        ("\"silu\"", "\"gelu\""), ("\"mlp_bias\": false", "\"mlp_bias\": true"),
        ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 1"), ("10000.0", "500000.0"), ("1e-05", "1e-06"),
        ("\"hidden_size\": 16", "\"hidden_size\": 17"), ("\"hidden_size\": 16", "\"hidden_size\": -16"),
        ("\"hidden_size\": 16", "\"hidden_size\": 9223372036854775807"),
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1e99"),
        ("\"num_attention_heads\": 2", "\"num_attention_heads\": 0"), ("{", "["),
    ])
    func configurationsOfOtherModelsAreRefused(original: String, replacement: String) throws {
        let metadata = ModelMetadata(try microConfiguration())
        let text = try #require(metadata.files.first { $0.name == "config.json" }).text
        #expect(text.contains(original))
        let changed = text.replacing(original, with: replacement, maxReplacements: 1)
        #expect(throws: ModelError.self) {
            try ModelDirectory.configuration(Array(changed.utf8), path: "config.json")
        }
    }

    /// Readers differ about which of two fields of one name counts.
    @Test func configurationWithARepeatedField_isRefused() throws {
        let text = try #require(
            ModelMetadata(try microConfiguration()).files.first { $0.name == "config.json" }
        ).text
        let changed = text.replacing("{", with: "{\"hidden_size\": 16,", maxReplacements: 1)
        #expect(throws: ModelError.self) {
            try ModelDirectory.configuration(Array(changed.utf8), path: "config.json")
        }
    }

    @Test func parametersOfAnotherShapeOrNotFiniteAreRefused() throws {
        try withTemporaryDirectory { directory in
            let layout = ModelLayout(try microConfiguration())
            var parameters = Initialization.parameters(layout, seed: 3)
            parameters[17] = .infinity
            try ModelDirectory.write(layout: layout, parameters: parameters, to: directory)
            #expect(throws: ModelError.self) { try ModelDirectory.read(directory) }
            let other = ModelLayout(ModelPreset.tiny.configuration)
            try SafetensorsFile.write(
                ParameterArray(Initialization.parameters(other, seed: 1)), layout: other.parameters,
                to: directory + "/model.safetensors")
            #expect(throws: ModelError.self) { try ModelDirectory.read(directory) }
            #expect(throws: ModelError.self) { try ModelDirectory.read(directory + "/nowhere") }
        }
    }

    /// What a fuzz target calls: any bytes give a configuration in range or a typed error.
    static func readAnyConfiguration(_ bytes: [UInt8]) -> Bool {
        do throws(ModelError) {
            let configuration = try ModelDirectory.configuration(bytes, path: "config.json")
            return configuration.hiddenSize % configuration.headCount == 0
        } catch {
            return true
        }
    }

    @Test func mutatedConfigurationsGiveAConfigurationOrAnError() throws {
        let original = Array(ModelMetadata(try microConfiguration()).files[0].text.utf8)
        var generator = SplitMix(state: 22)
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                if Bool.random(using: &generator) {
                    bytes[index] = UInt8.random(in: 0...255, using: &generator)
                } else {
                    bytes.insert(UInt8(ascii: "9"), at: index)
                }
            }
            #expect(ModelDirectoryTests.readAnyConfiguration(bytes))
        }
    }
}

/// Any JSON value.
private struct Anything: Decodable {
    init(from transformer: any Decoder) throws {}
}
