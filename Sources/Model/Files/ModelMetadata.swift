/// The small files of a model directory in the layout of Hugging Face: what `transformers`, `tokenizers` and llama.cpp's
/// converter read beside the weights. They are a function of the configuration alone.
public struct ModelMetadata: Sendable {
    /// File names and contents, in a fixed order.
    public let files: [(name: String, text: String)]

    public init(_ configuration: ModelConfiguration) {
        files = [
            ("config.json", ModelMetadata.config(configuration)),
            ("generation_config.json", ModelMetadata.generation),
            ("tokenizer.json", ModelMetadata.tokenizer),
            ("tokenizer_config.json", ModelMetadata.tokenizerConfig(configuration)),
            ("special_tokens_map.json", ModelMetadata.specialTokens),
        ]
    }

    private static func config(_ configuration: ModelConfiguration) -> String {
        """
        {
          "architectures": ["LlamaForCausalLM"],
          "attention_bias": false,
          "attention_dropout": 0.0,
          "bos_token_id": 1,
          "eos_token_id": 2,
          "head_dim": \(configuration.headSize),
          "hidden_act": "silu",
          "hidden_size": \(configuration.hiddenSize),
          "intermediate_size": \(configuration.intermediateSize),
          "max_position_embeddings": \(configuration.contextLength),
          "mlp_bias": false,
          "model_type": "llama",
          "num_attention_heads": \(configuration.headCount),
          "num_hidden_layers": \(configuration.layerCount),
          "num_key_value_heads": \(configuration.headCount),
          "pretraining_tp": 1,
          "rms_norm_eps": 1e-05,
          "rope_scaling": null,
          "rope_theta": 10000.0,
          "tie_word_embeddings": true,
          "torch_dtype": "float32",
          "use_cache": true,
          "vocab_size": \(ModelConfiguration.vocabularySize)
        }

        """
    }

    private static let generation = """
        {
          "bos_token_id": 1,
          "eos_token_id": 2
        }

        """

    /// A BPE model without merges: every character that is no token of its own falls back to its bytes. The special
    /// tokens are in the vocabulary but not in `added_tokens`, so no text can spell one.
    private static let tokenizer: String = {
        let vocabulary = (0..<UInt16(ModelConfiguration.vocabularySize))
            .map { "      \"\(ByteTokenizer.name($0))\": \($0)" }.joined(separator: ",\n")
        return """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [],
              "normalizer": { "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" },
              "pre_tokenizer": null,
              "post_processor": {
                "type": "TemplateProcessing",
                "single": [
                  { "SpecialToken": { "id": "<s>", "type_id": 0 } },
                  { "Sequence": { "id": "A", "type_id": 0 } }
                ],
                "pair": [
                  { "SpecialToken": { "id": "<s>", "type_id": 0 } },
                  { "Sequence": { "id": "A", "type_id": 0 } },
                  { "SpecialToken": { "id": "<s>", "type_id": 1 } },
                  { "Sequence": { "id": "B", "type_id": 1 } }
                ],
                "special_tokens": { "<s>": { "id": "<s>", "ids": [1], "tokens": ["<s>"] } }
              },
              "decoder": {
                "type": "Sequence",
                "decoders": [
                  { "type": "Replace", "pattern": { "String": "\u{2581}" }, "content": " " },
                  { "type": "ByteFallback" },
                  { "type": "Fuse" }
                ]
              },
              "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": "<unk>",
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": true,
                "byte_fallback": true,
                "ignore_merges": false,
                "vocab": {
            \(vocabulary)
                },
                "merges": []
              }
            }

            """
    }()

    private static func tokenizerConfig(_ configuration: ModelConfiguration) -> String {
        """
        {
          "add_bos_token": true,
          "add_eos_token": false,
          "bos_token": "<s>",
          "clean_up_tokenization_spaces": false,
          "eos_token": "</s>",
          "legacy": false,
          "model_max_length": \(configuration.contextLength),
          "split_special_tokens": true,
          "tokenizer_class": "PreTrainedTokenizerFast",
          "unk_token": "<unk>"
        }

        """
    }

    private static let specialTokens = """
        {
          "bos_token": "<s>",
          "eos_token": "</s>",
          "unk_token": "<unk>"
        }

        """
}
