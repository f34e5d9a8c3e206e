import Crypto

/// The element types that are read. Parameters are written as float32, other tensors as they were.
public enum SafetensorsType: String, Hashable, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case brainFloat16 = "BF16"
    case integer8 = "I8"
    case integer16 = "I16"
    case integer32 = "I32"
    case integer64 = "I64"
    case unsigned8 = "U8"
    case unsigned16 = "U16"
    case unsigned32 = "U32"
    case unsigned64 = "U64"
    case boolean = "BOOL"

    var byteCount: Int {
        switch self {
        case .integer8, .unsigned8, .boolean: 1
        case .float16, .brainFloat16, .integer16, .unsigned16: 2
        case .float32, .integer32, .unsigned32: 4
        case .integer64, .unsigned64: 8
        }
    }

    /// Whether elements of this type are parameters.
    var isTrained: Bool { self == .float32 || self == .float16 || self == .brainFloat16 }
}

/// One tensor of a safetensors file.
public struct SafetensorsEntry: Hashable, Sendable {
    @ExactText public var name: String
    public let type: SafetensorsType
    public let shape: [Int]
    /// Bytes in the data section.
    let range: Range<Int>

    /// Whether the tensor is part of the parameter vector.
    public var isParameter: Bool { type.isTrained && !range.isEmpty }
}

/// The header of a safetensors file: tensors in the order of their data, and the `__metadata__`.
struct SafetensorsHeader {
    static let byteLimit = 100_000_000
    /// Of parameters and carried tensors together.
    static let tensorCountLimit = 4 * ParameterLayout.tensorCountLimit

    var entries: [SafetensorsEntry] = []
    var metadata: [ExactText: String] = [:]

    /// - Parameter dataBytes: what follows the header in the file.
    init(_ bytes: [UInt8], dataBytes: Int, file: String) throws(SafetensorsError) {
        var scanner = HeaderScanner(bytes, file: file)
        var names = Set<ExactText>()
        try scanner.require("{")
        if !scanner.take("}") {
            repeat {
                let name = try scanner.string()
                guard names.insert(ExactText(name)).inserted else { throw .duplicateName(file: file, name: name) }
                guard names.count <= Self.tensorCountLimit + 1 else {
                    throw .tooManyTensors(file: file, limit: Self.tensorCountLimit)
                }
                try scanner.require(":")
                if name == "__metadata__" {
                    metadata = try Self.metadata(&scanner)
                } else {
                    entries.append(try Self.entry(name, &scanner))
                }
            } while scanner.take(",")
            try scanner.require("}")
        }
        try scanner.requireEnd()
        entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else { throw .badOffsets(file: file, name: entry.name) }
            end = entry.range.upperBound
        }
        guard end == dataBytes else { throw .badOffsets(file: file, name: entries.last?.name ?? "") }
    }

    private static func metadata(_ scanner: inout HeaderScanner) throws(SafetensorsError) -> [ExactText: String] {
        var metadata: [ExactText: String] = [:]
        try scanner.require("{")
        guard !scanner.take("}") else { return metadata }
        repeat {
            let key = try scanner.string()
            try scanner.require(":")
            let value = try scanner.string()
            guard metadata.updateValue(value, forKey: ExactText(key)) == nil else {
                throw .duplicateName(file: scanner.file, name: key)
            }
        } while scanner.take(",")
        try scanner.require("}")
        return metadata
    }

    private static func entry(
        _ name: String, _ scanner: inout HeaderScanner
    ) throws(SafetensorsError) -> SafetensorsEntry {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.require("{")
        repeat {
            let key = try scanner.string()
            try scanner.require(":")
            switch key {
            case "dtype" where dtype == nil: dtype = try scanner.string()
            case "shape" where shape == nil:
                shape = try numbers(&scanner, limit: ParameterLayout.rankLimit)
            case "data_offsets" where offsets == nil: offsets = try numbers(&scanner, limit: 2)
            default: throw scanner.failure("dtype, shape and data_offsets, each once")
            }
        } while scanner.take(",")
        try scanner.require("}")
        guard let dtype, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw scanner.failure("dtype, shape and data_offsets")
        }
        guard let type = SafetensorsType(rawValue: dtype), type.rawValue.hasSameBytes(as: dtype) else {
            throw .dtypeMismatch(file: scanner.file, name: name, dtype: dtype)
        }
        var bytes = type.byteCount
        for size in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { throw .badOffsets(file: scanner.file, name: name) }
            bytes = product
        }
        guard bytes == offsets[1] - offsets[0] else { throw .badOffsets(file: scanner.file, name: name) }
        return SafetensorsEntry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    private static func numbers(_ scanner: inout HeaderScanner, limit: Int) throws(SafetensorsError) -> [Int] {
        var values: [Int] = []
        try scanner.require("[")
        guard !scanner.take("]") else { return values }
        repeat {
            guard values.count < limit else { throw scanner.failure("at most \(limit) numbers") }
            values.append(try scanner.number())
        } while scanner.take(",")
        try scanner.require("]")
        return values
    }

    /// The entries of a layout's tensors, as float32 from the beginning of the data on.
    static func parts(of layout: ParameterLayout) -> [String] {
        layout.tensors.map { part($0.name, .float32, $0.shape, 4 * $0.offset..<4 * $0.range.upperBound) }
    }

    /// The entries of carried tensors, one after the other from `start` on.
    static func parts(of carried: CarriedTensors, at start: Int) -> [String] {
        var offset = start
        return carried.tensors.map { tensor in
            defer { offset += tensor.bytes.count }
            return part(tensor.name, tensor.type, tensor.shape, offset..<offset + tensor.bytes.count)
        }
    }

    private static func part(_ name: String, _ type: SafetensorsType, _ shape: [Int], _ range: Range<Int>) -> String {
        "\(quoted(name)):{\"dtype\":\"\(type.rawValue)\",\"shape\":[\(shape.map(String.init).joined(separator: ","))],"
            + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}"
    }

    /// The header that we write: tensors in the order of their data, padded with spaces to a multiple of 8 bytes.
    static func bytes(parts tensors: [String], metadata: [(key: String, value: String)]) -> [UInt8] {
        var parts = tensors
        if !metadata.isEmpty {
            let pairs = metadata.map { "\(quoted($0.key)):\(quoted($0.value))" }
            parts.insert("\"__metadata__\":{\(pairs.joined(separator: ","))}", at: 0)
        }
        var bytes = Array("{\(parts.joined(separator: ","))}".utf8)
        while !bytes.count.isMultiple(of: 8) { bytes.append(UInt8(ascii: " ")) }
        return bytes
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{00}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
