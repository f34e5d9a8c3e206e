extension RecordError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated: "the record ends too early"
        case .trailingBytes(let count): "\(count) bytes follow the record"
        case .nonMinimalInteger: "an integer is not written in its shortest form"
        case .unsupportedItem(let byte):
            "an item begins with 0x\(String(byte, radix: 16)), which no record has: this is not a record of the mesh"
        case .invalidText: "a text is not UTF-8"
        case .tooDeep: "items are nested too deep"
        case .keysOutOfOrder(let key): "the key \(key) is out of order"
        case .missingKey(let key): "the field \(key) is missing"
        case .unknownKey(let key): "the field \(key) is unknown"
        case .wrongType(let key): key.isEmpty ? "it is not a map with text keys" : "the field \(key) has a wrong type"
        case .outOfRange(let key): "the value of \(key) is out of range"
        case .tooLong(let key, let count, let limit): "\(key) has a length of \(count), at most \(limit) is possible"
        case .notAscending(let key): "the items of \(key) are not in ascending order"
        case .unknownVariant(let key, let value): "\(key) has the unknown value \(value)"
        }
    }
}
