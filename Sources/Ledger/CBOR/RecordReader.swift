import Crypto

/// Something that the ledger writes down: it has one encoding, and decoding refuses every other.
public protocol Record: Equatable, Sendable {
    var cbor: CBOR { get }
    init(cbor: CBOR) throws(RecordError)
}

extension Record {
    public var encoded: [UInt8] { cbor.encoded }

    public init(encoded bytes: [UInt8]) throws(RecordError) {
        try self.init(cbor: CBOR(encoded: bytes))
    }
}

/// Reads the fields of one map: each exactly once, and `finish` refuses what nobody asked for.
struct RecordReader {
    /// Few, so that looking through them is quicker than a dictionary.
    private let fields: [CBOR.Entry]
    /// Which of them were read, a bit each, and so at most 64: no record has as many.
    private var read: UInt64 = 0

    init(_ cbor: CBOR) throws(RecordError) {
        guard case .map(let entries) = cbor else { throw .wrongType(key: "") }
        guard entries.count <= 64 else { throw .unknownKey(entries[64].key) }
        fields = entries
    }

    mutating func value(_ key: String) throws(RecordError) -> CBOR {
        guard let index = fields.firstIndex(where: { $0.key.hasSameBytes(as: key) }), read >> UInt64(index) & 1 == 0
        else {
            throw .missingKey(key)
        }
        read |= 1 << UInt64(index)
        return fields[index].value
    }

    /// To be called after the last field: a key that is left over makes the record invalid.
    func finish() throws(RecordError) {
        let left = fields.indices.filter { read >> UInt64($0) & 1 == 0 }
        if let key = left.map({ fields[$0].key }).min() { throw .unknownKey(key) }
    }

    mutating func unsigned(_ key: String, in range: ClosedRange<UInt64> = 0...UInt64.max) throws(RecordError) -> UInt64
    {
        guard case .unsigned(let value) = try value(key) else { throw .wrongType(key: key) }
        guard range.contains(value) else { throw .outOfRange(key: key) }
        return value
    }

    mutating func unsigned32(_ key: String, in range: ClosedRange<UInt32> = 0...UInt32.max) throws(RecordError)
        -> UInt32
    {
        UInt32(try unsigned(key, in: UInt64(range.lowerBound)...UInt64(range.upperBound)))
    }

    mutating func bytes(_ key: String, limit: Int) throws(RecordError) -> [UInt8] {
        guard case .bytes(let bytes) = try value(key) else { throw .wrongType(key: key) }
        guard bytes.count <= limit else { throw .tooLong(key: key, count: bytes.count, limit: limit) }
        return bytes
    }

    mutating func text(_ key: String, limit: Int) throws(RecordError) -> String {
        guard case .text(let text) = try value(key) else { throw .wrongType(key: key) }
        guard text.utf8.count <= limit else { throw .tooLong(key: key, count: text.utf8.count, limit: limit) }
        return text
    }

    mutating func boolean(_ key: String) throws(RecordError) -> Bool {
        guard case .boolean(let value) = try value(key) else { throw .wrongType(key: key) }
        return value
    }

    mutating func digest(_ key: String) throws(RecordError) -> Digest {
        guard let digest = Digest(bytes: try bytes(key, limit: Digest.byteCount)) else { throw .wrongType(key: key) }
        return digest
    }

    mutating func verifyingKey(_ key: String) throws(RecordError) -> VerifyingKey {
        guard let value = VerifyingKey(bytes: try bytes(key, limit: VerifyingKey.byteCount)) else {
            throw .wrongType(key: key)
        }
        return value
    }

    mutating func signature(_ key: String) throws(RecordError) -> Signature {
        guard let value = Signature(bytes: try bytes(key, limit: Signature.byteCount)) else {
            throw .wrongType(key: key)
        }
        return value
    }

    mutating func array(_ key: String, limit: Int) throws(RecordError) -> [CBOR] {
        guard case .array(let items) = try value(key) else { throw .wrongType(key: key) }
        guard items.count <= limit else { throw .tooLong(key: key, count: items.count, limit: limit) }
        return items
    }

    mutating func records<Item: Record>(_ key: String, of: Item.Type = Item.self, limit: Int) throws(RecordError)
        -> [Item]
    {
        var result: [Item] = []
        for item in try array(key, limit: limit) { result.append(try Item(cbor: item)) }
        return result
    }

    mutating func record<Item: Record>(_ key: String, of: Item.Type = Item.self) throws(RecordError) -> Item {
        try Item(cbor: try value(key))
    }

    mutating func optionalRecord<Item: Record>(_ key: String, of: Item.Type = Item.self) throws(RecordError) -> Item? {
        let value = try value(key)
        return value == .null ? nil : try Item(cbor: value)
    }

    /// A whole number, or null.
    mutating func optionalUnsigned(_ key: String, in range: ClosedRange<UInt64>) throws(RecordError) -> UInt64? {
        let value = try value(key)
        if value == .null { return nil }
        guard case .unsigned(let number) = value else { throw .wrongType(key: key) }
        guard range.contains(number) else { throw .outOfRange(key: key) }
        return number
    }

    mutating func digests(_ key: String, limit: Int) throws(RecordError) -> [Digest] {
        var result: [Digest] = []
        for item in try array(key, limit: limit) {
            guard case .bytes(let bytes) = item, let digest = Digest(bytes: bytes) else { throw .wrongType(key: key) }
            result.append(digest)
        }
        return result
    }

    /// Digests in strictly ascending order, so that a set of them has one encoding.
    mutating func ascendingDigests(_ key: String, limit: Int) throws(RecordError) -> [Digest] {
        let result = try digests(key, limit: limit)
        for (left, right) in zip(result, result.dropFirst()) where left >= right { throw .notAscending(key: key) }
        return result
    }

    /// A choice from a closed list, written as text.
    mutating func variant<Choice: RawRepresentable<String>>(_ key: String, of: Choice.Type = Choice.self)
        throws(RecordError) -> Choice
    {
        let text = try text(key, limit: 64)
        guard let choice = Choice(rawValue: text), choice.rawValue.hasSameBytes(as: text) else {
            throw .unknownVariant(key: key, value: text)
        }
        return choice
    }
}

extension CBOR {
    static func digest(_ digest: Digest) -> CBOR { .bytes(digest.bytes) }
    static func digests(_ digests: [Digest]) -> CBOR { .array(digests.map { .bytes($0.bytes) }) }
    static func records(_ records: [some Record]) -> CBOR { .array(records.map(\.cbor)) }
    static func optional(_ record: (some Record)?) -> CBOR { record?.cbor ?? .null }
    static func optional(unsigned: UInt64?) -> CBOR { unsigned.map { .unsigned($0) } ?? .null }
    static func variant(_ choice: some RawRepresentable<String>) -> CBOR { .text(choice.rawValue) }
}
