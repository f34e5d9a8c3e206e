/// Reads the subset of JSON (RFC 8259) that a safetensors header uses: objects, arrays, strings, numbers without sign,
/// fraction or exponent. No recursion, so no depth to bound; keys are compared by the caller.
struct HeaderScanner {
    let bytes: [UInt8]
    let file: String
    private(set) var position = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    func failure(_ expected: String) -> SafetensorsError {
        .malformedHeader(file: file, offset: position, expected: expected)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// Takes `character` if it is next, after white space.
    mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard position < bytes.count, let byte = character.asciiValue, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func require(_ character: Character) throws(SafetensorsError) {
        guard take(character) else { throw failure("'\(character)'") }
    }

    /// Nothing but white space is left.
    mutating func requireEnd() throws(SafetensorsError) {
        skipSpace()
        guard position == bytes.count else { throw failure("the end of the header") }
    }

    /// A number in decimal digits without a leading zero, at most 2^53.
    mutating func number() throws(SafetensorsError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            if position > start && value == 0 { throw failure("a number without leading zeros") }
            value = value * 10 + Int(bytes[position] - UInt8(ascii: "0"))
            guard value <= 1 << 53 else { throw failure("a number of at most 2^53") }
            position += 1
        }
        guard position > start else { throw failure("a number") }
        return value
    }

    /// Whether a string is next.
    var isAtString: Bool {
        mutating get {
            skipSpace()
            return position < bytes.count && bytes[position] == UInt8(ascii: "\"")
        }
    }

    /// Passes over a number, `true`, `false` or `null`.
    mutating func skipWord() throws(SafetensorsError) {
        skipSpace()
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"):
                position += 1
            default:
                guard position > start else { throw failure("a value") }
                return
            }
        }
        throw failure("the end of a value")
    }

    /// A string, its escapes resolved, valid UTF-8.
    mutating func string() throws(SafetensorsError) -> String {
        try require("\"")
        var content: [UInt8] = []
        while true {
            guard position < bytes.count else { throw failure("the end of a string") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                content += try escape()
            case 0..<0x20:
                throw failure("no control characters in a string")
            default:
                content.append(byte)
            }
        }
    }

    private mutating func escape() throws(SafetensorsError) -> [UInt8] {
        guard position < bytes.count else { throw failure("an escape") }
        let kind = bytes[position]
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw failure("the second half of a surrogate pair") }
                position += 2
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw failure("the second half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("a character") }
            return Array(String(Character(scalar)).utf8)
        default:
            throw failure("an escape")
        }
    }

    private mutating func codeUnit() throws(SafetensorsError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw failure("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
