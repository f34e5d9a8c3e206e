import TOMLKit

/// A flat TOML file: `name = value`, without sections. Rules are written so.
public struct Settings {
    public enum Value: Equatable, Sendable {
        case string(String)
        /// At least 0.
        case number(UInt64)
        /// Anything else, in words.
        case other(String)
    }

    public struct Entry: Sendable {
        public let name: String
        /// From 1; nil where it cannot be told.
        public let line: Int?
        public let value: Value
    }

    /// In the order of the file.
    public let entries: [Entry]

    public static let fileBytesMaximum = 1 << 20

    /// - Throws: `SiteFileError` or `ConfigurationError`, also for a file that sets nothing: whoever wrote it meant
    ///   something else.
    public init(path: String) throws {
        try self.init(text: TextFile.read(path, limitBytes: Settings.fileBytesMaximum), file: path)
    }

    /// - Parameter text: normalized, as `TextFile` gives it.
    public init(text: String, file: String) throws(ConfigurationError) {
        let document = try TOMLDocument(text, file: file)
        entries = document.root.keys.sorted().map { name in
            Entry(name: name, line: document.lines[name], value: document.root[name].map(Settings.value) ?? .other(""))
        }.sorted { ($0.line ?? 0) < ($1.line ?? 0) }
        guard !entries.isEmpty else {
            throw ConfigurationError(
                file: file, line: nil, key: nil, expected: "at least one line name = value", found: "none")
        }
    }

    private static func value(_ value: any TOMLValueConvertible) -> Value {
        if let text = value.string { return .string(text) }
        if let number = value.int, let magnitude = UInt64(exactly: number) { return .number(magnitude) }
        return .other(ConfigurationReader.describe(value))
    }
}

/// Values as TOML text, for files that programs write.
public enum TOMLText {
    /// `text` as a basic string.
    public static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// A list of basic strings.
    public static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
}
