/// A strict parser of RFC 8259 with bounds on length, depth and count, for bytes from outside. Refuses what other
/// parsers disagree about: duplicate names, invalid UTF-8, lone surrogates, numbers that do not fit.
public struct JSONParser {
    /// Lists and objects inside each other.
    public static let depthLimit = 16
    /// Values in all.
    public static let valueLimit = 100_000

    private let bytes: [UInt8]
    private var position = 0
    private var valueCount = 0

    /// The value that the bytes are, with white space around it and nothing else.
    ///
    /// - Parameter limitBytes: more bytes are refused unread.
    public static func parse(_ bytes: [UInt8], limitBytes: Int) throws(JSONError) -> JSONValue {
        guard bytes.count <= limitBytes else { throw .tooLong(bytes: bytes.count, limitBytes: limitBytes) }
        // Checked as a whole once, so that strings can be cut out of it anywhere between ASCII bytes.
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .invalidUTF8 }
        var parser = JSONParser(bytes: bytes)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        if let extra = parser.peek() { throw .unexpectedByte(extra, offset: parser.position) }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private func need() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw .unexpectedEnd }
        return bytes[position]
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func expect(_ expected: UInt8) throws(JSONError) {
        let byte = try need()
        guard byte == expected else { throw .unexpectedByte(byte, offset: position) }
        position += 1
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= JSONParser.depthLimit else { throw .tooDeep(limit: JSONParser.depthLimit) }
        valueCount += 1
        guard valueCount <= JSONParser.valueLimit else { throw .tooManyValues(limit: JSONParser.valueLimit) }
        switch try need() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in text.utf8 { try expect(byte) }
        return value
    }

    private mutating func list(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if try need() == UInt8(ascii: "]") {
            position += 1
            return .list(values)
        }
        while true {
            skipSpace()
            values.append(try value(depth: depth + 1))
            skipSpace()
            if try need() == UInt8(ascii: "]") {
                position += 1
                return .list(values)
            }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var members: [JSONMember] = []
        // By bytes: two names that are only canonically equivalent are two names, as for any other reader.
        var names: Set<[UInt8]> = []
        skipSpace()
        if try need() == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            let offset = position
            let name = try string()
            guard names.insert(Array(name.utf8)).inserted else { throw .duplicateName(offset: offset) }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            members.append(JSONMember(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if try need() == UInt8(ascii: "}") {
                position += 1
                return .object(members)
            }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func string() throws(JSONError) -> String {
        try expect(UInt8(ascii: "\""))
        var content: [UInt8] = []
        while true {
            let byte = try need()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                content.append(contentsOf: try escape())
            case 0..<0x20:
                throw .unexpectedByte(byte, offset: position)
            default:
                content.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        let offset = position
        position += 1
        let letter = try need()
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): break
        default: throw .invalidEscape(offset: offset)
        }
        var scalar = try hexadecimal(offset)
        if scalar >= 0xD800 && scalar < 0xDC00 {
            guard peek() == UInt8(ascii: "\\") else { throw .invalidEscape(offset: offset) }
            position += 1
            try expect(UInt8(ascii: "u"))
            let low = try hexadecimal(offset)
            guard low >= 0xDC00 && low < 0xE000 else { throw .invalidEscape(offset: offset) }
            scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let unicode = Unicode.Scalar(scalar) else { throw .invalidEscape(offset: offset) }
        return Array(String(unicode).utf8)
    }

    /// Four hexadecimal digits.
    private mutating func hexadecimal(_ offset: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try need()
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .invalidEscape(offset: offset)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func digits() throws(JSONError) {
        let first = try need()
        guard JSONParser.isDigit(first) else { throw .unexpectedByte(first, offset: position) }
        while let byte = peek(), JSONParser.isDigit(byte) { position += 1 }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isInteger = true
        if peek() == UInt8(ascii: "-") { position += 1 }
        if try need() == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if peek() == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits()
        }
        if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        // The longest way to write a double that anybody prints is far below this.
        guard position - start <= 64 else { throw .numberOutOfRange(offset: start) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger {
            guard let value = Int64(text) else { throw .numberOutOfRange(offset: start) }
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(offset: start) }
        return .number(value)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
