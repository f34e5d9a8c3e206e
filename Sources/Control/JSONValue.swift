/// A JSON value (RFC 8259) as the control socket accepts it.
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
        return members.first { $0.name == name }?.value
    }
}

/// One member of a JSON object.
public struct JSONMember: Hashable, Sendable {
    public let name: String
    public let value: JSONValue
}

/// Why bytes are not JSON that the control socket accepts. Offsets count bytes.
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
