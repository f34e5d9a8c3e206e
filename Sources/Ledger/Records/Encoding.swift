/// How a payload is encoded.
public enum Encoding: Record, Hashable {
    /// The `kept` largest of each chunk of 4,096 in `bits` bits (SparseLoCo).
    case topK(kept: UInt32, bits: UInt32)
    /// Every value as float32.
    case denseFloat32
    /// Every value as bfloat16.
    case denseBFloat16

    /// The bits that a value can have under `topK`.
    public static let topKBits: Set<UInt32> = [1, 2, 4, 8]

    public var cbor: CBOR {
        switch self {
        case .topK(let kept, let bits):
            .record(["bits": .unsigned(UInt64(bits)), "kept": .unsigned(UInt64(kept)), "profile": .text("top-k")])
        case .denseFloat32: .record(["bits": .unsigned(32), "kept": .unsigned(4096), "profile": .text("dense")])
        case .denseBFloat16: .record(["bits": .unsigned(16), "kept": .unsigned(4096), "profile": .text("dense")])
        }
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        let bits = try reader.unsigned32("bits")
        let kept = try reader.unsigned32("kept", in: 1...4096)
        let profile = try reader.text("profile", limit: 16)
        try reader.finish()
        switch profile {
        case "top-k":
            guard Self.topKBits.contains(bits) else { throw .outOfRange(key: "bits") }
            self = .topK(kept: kept, bits: bits)
        case "dense":
            guard kept == 4096, bits == 32 || bits == 16 else { throw .outOfRange(key: "bits") }
            self = bits == 32 ? .denseFloat32 : .denseBFloat16
        default: throw .unknownVariant(key: "profile", value: profile)
        }
    }
}

extension Encoding: CustomStringConvertible {
    /// As people write it, in files of rules and in proposals: `top-k KEPT BITS`, `dense-float32` or `dense-bfloat16`.
    public var description: String {
        switch self {
        case .topK(let kept, let bits): "top-k \(kept) \(bits)"
        case .denseFloat32: "dense-float32"
        case .denseBFloat16: "dense-bfloat16"
        }
    }

    /// Reads `description`; nil for any other text, and for numbers out of range.
    public init?(description: String) {
        let words = description.split(separator: " ")
        switch words.first {
        case "dense-float32" where words.count == 1: self = .denseFloat32
        case "dense-bfloat16" where words.count == 1: self = .denseBFloat16
        case "top-k" where words.count == 3:
            guard let kept = UInt32(words[1]), let bits = UInt32(words[2]), (1...4096).contains(kept),
                Self.topKBits.contains(bits)
            else { return nil }
            self = .topK(kept: kept, bits: bits)
        default: return nil
        }
    }
}
