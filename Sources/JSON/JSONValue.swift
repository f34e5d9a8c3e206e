/// A JSON value (RFC 8259) as the strict parser accepts it.
public indirect enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number; always finite.
    case number(Double)
    case string(String)
    case list([JSONValue])
    /// Members in the order of the text; names are unique.
    case object([JSONMember])

    /// The value of an object's member, nil where it has none or is no object.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.isNamed(name) }?.value
    }
}

/// One member of a JSON object.
public struct JSONMember: Hashable, Sendable {
    public let name: String
    public let value: JSONValue

    /// Whether this is its name, byte for byte. Swift's `==` takes "\u{212A}" (the Kelvin sign) for "K".
    public func isNamed(_ other: String) -> Bool { name.utf8.elementsEqual(other.utf8) }
}

/// Why bytes are not JSON that the strict parser accepts. Offsets count bytes.
public enum JSONError: Error, Hashable, Sendable {
    case tooLong(bytes: Int, limitBytes: Int)
    case invalidUTF8
    case unexpectedEnd
    case unexpectedByte(UInt8, offset: Int)
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case duplicateName(offset: Int)
    case invalidEscape(offset: Int)
    case numberOutOfRange(offset: Int)
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLong(let bytes, let limit): "the message has \(bytes) bytes, at most \(limit) are read"
        case .invalidUTF8: "the message is not UTF-8"
        case .unexpectedEnd: "the message ends too early"
        case .unexpectedByte(let byte, let offset):
            "byte \(offset) is 0x\(String(byte, radix: 16)), which may not be there"
        case .tooDeep(let limit): "values are nested more than \(limit) deep"
        case .tooManyValues(let limit): "the message has more than \(limit) values"
        case .duplicateName(let offset): "a name is repeated at byte \(offset)"
        case .invalidEscape(let offset): "an escape at byte \(offset) is not valid"
        case .numberOutOfRange(let offset): "the number at byte \(offset) is out of range"
        }
    }
}
