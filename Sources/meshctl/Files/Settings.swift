/// The part of TOML that our own files are written in: sections, keys, and values that are a string, a number, or a list
/// of strings. `meshnode` reads its configuration with a full TOML parser; what this one cannot read it names by line.
struct Settings {
    enum Value: Equatable {
        case string(String)
        case strings([String])
        /// A number as it is written.
        case number(String)
        case boolean(Bool)
    }

    struct Entry {
        let line: Int
        let value: Value
    }

    /// By `section.key`, or `key` above the first section.
    private(set) var entries: [String: Entry] = [:]
    let file: String

    static let fileBytesMaximum = 1 << 20

    init(path: String) throws {
        let bytes = try DiskFile.read(path, limitBytes: Settings.fileBytesMaximum)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("\(path) is not UTF-8 text") }
        try self.init(text: text, file: path)
    }

    init(text: String, file: String) throws {
        self.file = file
        var section = ""
        var pending: (key: String, line: Int, text: String)?
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Settings.withoutComment(raw)
            if let open = pending {
                pending = (open.key, open.line, open.text + " " + line)
            } else if line.isEmpty {
                continue
            } else if line.hasPrefix("["), line.hasSuffix("]"), !line.contains("=") {
                section = String(line.dropFirst().dropLast())
                continue
            } else if let equals = line.firstIndex(of: "=") {
                let key = Settings.trimmed(line[..<equals])
                pending = (
                    section.isEmpty ? key : section + "." + key, index + 1,
                    Settings.trimmed(line[line.index(after: equals)...])
                )
            } else {
                throw Failure("\(file):\(index + 1): expected key = value, found \"\(line)\"")
            }
            guard let open = pending else { continue }
            // A list may go on over several lines.
            if open.text.hasPrefix("["), !open.text.hasSuffix("]") { continue }
            pending = nil
            guard let value = Settings.value(open.text) else {
                throw Failure(
                    "\(file):\(open.line): \(open.key): \"\(open.text)\" is no string, number or list of strings")
            }
            guard entries.updateValue(Entry(line: open.line, value: value), forKey: open.key) == nil else {
                throw Failure("\(file):\(open.line): \(open.key) stands here a second time")
            }
        }
        if let open = pending { throw Failure("\(file):\(open.line): \(open.key): the list does not end") }
    }

    func string(_ key: String) -> String? {
        guard case .string(let text)? = entries[key]?.value else { return nil }
        return text
    }

    func strings(_ key: String) -> [String]? {
        switch entries[key]?.value {
        case .strings(let texts): texts
        case .string(let text): [text]
        default: nil
        }
    }

    /// `text` as a TOML basic string.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }

    private static func withoutComment(_ line: Substring) -> String {
        var isInString = false
        var isEscaped = false
        var end = line.endIndex
        for index in line.indices {
            let character = line[index]
            if isEscaped {
                isEscaped = false
            } else if character == "\\" && isInString {
                isEscaped = true
            } else if character == "\"" {
                isInString.toggle()
            } else if character == "#" && !isInString {
                end = index
                break
            }
        }
        return trimmed(line[..<end])
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var part = text[...]
        while let first = part.first, first.isWhitespace { part = part.dropFirst() }
        while let last = part.last, last.isWhitespace { part = part.dropLast() }
        return String(part)
    }

    private static func value(_ text: String) -> Value? {
        if text == "true" || text == "false" { return .boolean(text == "true") }
        if text.hasPrefix("\"") {
            var rest = text[...]
            guard let string = takeString(&rest), rest.isEmpty else { return nil }
            return .string(string)
        }
        if text.hasPrefix("["), text.hasSuffix("]") { return list(text.dropFirst().dropLast()).map { .strings($0) } }
        let digits = text.filter { $0 != "_" }
        return !digits.isEmpty && Double(digits)?.isFinite == true ? .number(digits) : nil
    }

    private static func list(_ text: Substring) -> [String]? {
        var rest = trimmed(text)[...]
        var texts: [String] = []
        while !rest.isEmpty {
            guard let string = takeString(&rest) else { return nil }
            texts.append(string)
            rest = trimmed(rest)[...]
            if rest.first == "," { rest = trimmed(rest.dropFirst())[...] } else if !rest.isEmpty { return nil }
        }
        return texts
    }

    private static func takeString(_ rest: inout Substring) -> String? {
        guard rest.first == "\"" else { return nil }
        rest = rest.dropFirst()
        var string = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return string
            case "\\":
                switch rest.popFirst() {
                case "n": string += "\n"
                case "t": string += "\t"
                case "\"": string += "\""
                case "\\": string += "\\"
                default: return nil
                }
            default: string.append(character)
            }
        }
        return nil
    }
}
