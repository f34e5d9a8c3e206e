import Crypto
import System

/// `model.safetensors.index.json` of a model in shards: which file holds which tensor. Other members are ignored.
struct SafetensorsIndex {
    static let byteLimit = 16 << 20
    static let shardLimit = 1024
    private static let nestingLimit = 16

    private(set) var fileOfTensor: [ExactText: ExactText] = [:]
    /// Ascending.
    let fileNames: [String]

    init(path: String) throws(SafetensorsError) {
        let bytes = try SafetensorsFile.fileError(File.contents(of: path, limitBytes: SafetensorsIndex.byteLimit))
        var scanner = HeaderScanner(bytes, file: path)
        var map: [ExactText: ExactText]?
        try scanner.require("{")
        if !scanner.take("}") {
            repeat {
                let name = try scanner.string()
                try scanner.require(":")
                if name.hasSameBytes(as: "weight_map") {
                    guard map == nil else { throw .duplicateName(file: path, name: name) }
                    map = try SafetensorsIndex.map(&scanner)
                } else {
                    try SafetensorsIndex.skip(&scanner, depth: 0)
                }
            } while scanner.take(",")
            try scanner.require("}")
        }
        try scanner.requireEnd()
        guard let map, !map.isEmpty else { throw scanner.failure("a weight_map that names tensors") }
        let names = Set(map.values).sorted().map(\.wrappedValue)
        guard names.count <= SafetensorsIndex.shardLimit else {
            throw scanner.failure("at most \(SafetensorsIndex.shardLimit) files")
        }
        if let bad = names.first(where: { !SafetensorsIndex.isFileName($0) }) {
            throw .badShardName(file: path, name: bad)
        }
        fileOfTensor = map
        fileNames = names
    }

    /// A file beside the index: never a path that leads elsewhere.
    static func isFileName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name.hasSuffix(".safetensors") && !name.hasPrefix(".")
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 }
    }

    private static func map(_ scanner: inout HeaderScanner) throws(SafetensorsError) -> [ExactText: ExactText] {
        var map: [ExactText: ExactText] = [:]
        try scanner.require("{")
        guard !scanner.take("}") else { return map }
        repeat {
            let tensor = try scanner.string()
            try scanner.require(":")
            guard map.updateValue(ExactText(try scanner.string()), forKey: ExactText(tensor)) == nil else {
                throw .duplicateName(file: scanner.file, name: tensor)
            }
            guard map.count <= SafetensorsHeader.tensorCountLimit else {
                throw .tooManyTensors(file: scanner.file, limit: SafetensorsHeader.tensorCountLimit)
            }
        } while scanner.take(",")
        try scanner.require("}")
        return map
    }

    /// Passes over any JSON value.
    private static func skip(_ scanner: inout HeaderScanner, depth: Int) throws(SafetensorsError) {
        guard depth < nestingLimit else { throw scanner.failure("values that are nested less deep") }
        if scanner.take("{") {
            guard !scanner.take("}") else { return }
            repeat {
                _ = try scanner.string()
                try scanner.require(":")
                try skip(&scanner, depth: depth + 1)
            } while scanner.take(",")
            try scanner.require("}")
        } else if scanner.take("[") {
            guard !scanner.take("]") else { return }
            repeat { try skip(&scanner, depth: depth + 1) } while scanner.take(",")
            try scanner.require("]")
        } else if scanner.isAtString {
            _ = try scanner.string()
        } else {
            try scanner.skipWord()
        }
    }
}
