import Crypto

/// The part of CBOR (RFC 8949) that ledger records are made of. No floats, tags, indefinite lengths or undefined: what
/// two members must agree on is integers, bytes, text and containers of them.
public enum CBOR: Equatable, Sendable {
    case unsigned(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    /// Text keys in deterministic order: shorter first, then bytewise (RFC 8949 section 4.2.1 on the encoded keys).
    case map([Entry])
    case boolean(Bool)
    case null

    public struct Entry: Equatable, Sendable {
        @ExactText public var key: String
        public let value: CBOR

        public init(key: String, value: CBOR) {
            _key = ExactText(key)
            self.value = value
        }
    }

    /// A map with its keys put in deterministic order. A key that appears twice is our own mistake.
    public static func record(_ fields: KeyValuePairs<String, CBOR>) -> CBOR {
        var entries: [Entry] = []
        entries.reserveCapacity(fields.count)
        for (key, value) in fields {
            // By insertion: fields are few, and most records name them in about this order.
            var index = entries.count
            while index > 0, !precedes(entries[index - 1].key, key) {
                precondition(!entries[index - 1].key.hasSameBytes(as: key))
                index -= 1
            }
            entries.insert(Entry(key: key, value: value), at: index)
        }
        return .map(entries)
    }

    /// Text is equal by its bytes.
    public static func == (left: CBOR, right: CBOR) -> Bool {
        switch (left, right) {
        case (.unsigned(let left), .unsigned(let right)): left == right
        case (.bytes(let left), .bytes(let right)): left == right
        case (.text(let left), .text(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.map(let left), .map(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }

    static func precedes(_ left: String, _ right: String) -> Bool {
        let (a, b) = (left.utf8, right.utf8)
        return a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
    }
}

/// Why bytes are not a record. Flat, so that a message to a person can name exactly what was met.
public enum RecordError: Error, Equatable, Sendable {
    case truncated
    case trailingBytes(count: Int)
    case nonMinimalInteger
    case unsupportedItem(initialByte: UInt8)
    case invalidText
    case tooDeep
    case keysOutOfOrder(key: String)
    case missingKey(String)
    case unknownKey(String)
    case wrongType(key: String)
    case outOfRange(key: String)
    case tooLong(key: String, count: Int, limit: Int)
    case notAscending(key: String)
    case unknownVariant(key: String, value: String)
}
