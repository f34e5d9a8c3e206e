import JSON

/// What a field of a request may hold. There is deliberately no kind for free text, a path or a file: what is not one
/// of these cannot be sent to the daemon. A `record` stands in no trainer's method, and the daemon takes only records that
/// carry a valid signature of an operator.
public indirect enum FieldKind: Hashable, Sendable {
    /// A whole number in this range, both ends included.
    case integer(ClosedRange<Int64>)
    /// A finite number in this range, both ends included.
    case number(ClosedRange<Double>)
    case boolean
    /// 64 lower-case hexadecimal digits: BLAKE2b-256.
    case digest
    /// The first 4 to 64 hexadecimal digits of one, lower-case.
    case digestPrefix
    /// `[a-z0-9-]{1,32}`: the name of a site.
    case memberName
    /// Hexadecimal digits, lower-case: the one encoding of a signed record of the ledger, 1 to so many bytes.
    case record(maximumBytes: Int)
    /// One of these words, as listed here.
    case enumeration([String])
    /// At most so many of one kind.
    case list(of: FieldKind, maximumCount: Int)

    /// Whether `value` is of this kind.
    public func accepts(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.integer(let range), .integer(let value)): range.contains(value)
        case (.number(let range), .integer(let value)): range.contains(Double(value))
        case (.number(let range), .number(let value)): range.contains(value)
        case (.boolean, .boolean): true
        case (.digest, .string(let text)): Grammar.isDigest(text)
        case (.digestPrefix, .string(let text)): Grammar.isDigestPrefix(text)
        case (.memberName, .string(let text)): Grammar.isMemberName(text)
        case (.record(let maximumBytes), .string(let text)): Grammar.isRecord(text, maximumBytes: maximumBytes)
        case (.enumeration(let words), .string(let text)): words.contains { $0.utf8.elementsEqual(text.utf8) }
        case (.list(let kind, let maximumCount), .list(let values)):
            values.count <= maximumCount && values.allSatisfy { kind.accepts($0) }
        default: false
        }
    }
}

/// The closed grammars of strings.
enum Grammar {
    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && isHexadecimal(text)
    }

    static func isDigestPrefix(_ text: String) -> Bool {
        (4...64).contains(text.utf8.count) && isHexadecimal(text)
    }

    static func isRecord(_ text: String, maximumBytes: Int) -> Bool {
        let count = text.utf8.count
        return count >= 2 && count % 2 == 0 && count <= 2 * maximumBytes && isHexadecimal(text)
    }

    private static func isHexadecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
                || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
        }
    }

    static func isMemberName(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
                    || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")) || $0 == UInt8(ascii: "-")
            }
    }
}
