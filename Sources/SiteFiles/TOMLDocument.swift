import TOMLKit

/// A TOML text as every reader of ours takes it: what TOMLKit cannot be trusted with is refused first.
struct TOMLDocument {
    let root: TOMLTable
    let lines: KeyLines

    /// - Parameter file: the name that errors carry.
    init(_ text: String, file: String) throws(ConfigurationError) {
        // TOMLKit hands the text to C, where it would end at a zero byte.
        guard !text.utf8.contains(0) else {
            throw ConfigurationError(file: file, line: nil, key: nil, expected: "text", found: "a zero byte")
        }
        try TOMLDocument.checkHeaders(text, file: file)
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw ConfigurationError(
                file: file, line: error.source.begin.line, key: nil, expected: "TOML", found: error.description)
        } catch {
            throw ConfigurationError(file: file, line: nil, key: nil, expected: "TOML", found: "\(error)")
        }
        lines = KeyLines(text)
    }

    /// toml++ 3.4, inside TOMLKit, trusts that a key follows the bracket of a table's header: anything else would end the
    /// process in a debug build and is undefined in a release build. So that is looked at here first.
    private static func checkHeaders(_ text: String, file: String) throws(ConfigurationError) {
        let lines = text.utf8.split(omittingEmptySubsequences: false) { (0x0a...0x0d).contains($0) }
        for (index, line) in lines.enumerated() {
            var rest = line.drop { !(0x21...0x7e).contains($0) }
            guard rest.popFirst() == UInt8(ascii: "[") else { continue }
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            if rest.first == UInt8(ascii: "[") { rest = rest.dropFirst().drop { $0 == 0x20 || $0 == 0x09 } }
            guard let first = rest.first, isKeyStart(first) else {
                throw ConfigurationError(
                    file: file, line: index + 1, key: nil, expected: "the name of a section after [",
                    found: "something else")
            }
        }
    }

    private static func isKeyStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "\""),
            UInt8(ascii: "'"), UInt8(ascii: "]"):
            true
        default: false
        }
    }
}
