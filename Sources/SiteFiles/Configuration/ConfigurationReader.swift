import TOMLKit

/// Reads one section of a TOML document: each known key once. What nobody asked for is refused by `finish`.
struct ConfigurationReader {
    private let file: String
    private let section: String
    private let table: TOMLTable?
    private let lines: KeyLines
    private var known: Set<String> = []

    init(file: String, root: TOMLTable, section: String, lines: KeyLines) throws(ConfigurationError) {
        self.file = file
        self.section = section
        self.lines = lines
        table = root[section]?.table
        if table == nil, let other = root[section] {
            throw ConfigurationError(
                file: file, line: lines[section], key: "[\(section)]", expected: "a table",
                found: ConfigurationReader.describe(other))
        }
    }

    mutating func string(_ key: String, expected: String) throws(ConfigurationError) -> String {
        guard let value = try optionalString(key, expected: expected) else { throw missing(key, expected) }
        return value
    }

    mutating func optionalString(_ key: String, expected: String) throws(ConfigurationError) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.string, !text.isEmpty else { throw error(key, expected, value) }
        return text
    }

    /// A list of strings, or one string that stands for a list of one.
    mutating func strings(
        _ key: String, expected: String, isValid: (String) -> Bool
    ) throws(ConfigurationError) -> [String]? {
        guard let value = take(key) else { return nil }
        var texts: [String] = []
        if let text = value.string {
            texts = [text]
        } else if let array = value.array {
            for index in 0..<array.count {
                guard let text = array[index].string else { throw error(key, expected, array[index]) }
                texts.append(text)
            }
        } else {
            throw error(key, expected, value)
        }
        if let bad = texts.first(where: { !isValid($0) }) { throw error(key, expected, bad.tomlValue) }
        return texts
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let value = take(key) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw error(key, "a whole number from \(range.lowerBound) to \(range.upperBound)", value)
        }
        return number
    }

    func finish() throws(ConfigurationError) {
        for key in (table?.keys ?? []).sorted() where !known.contains(key) {
            throw ConfigurationError(
                file: file, line: lines["\(section).\(key)"], key: "[\(section)] \(key)",
                expected: "one of \(known.sorted().joined(separator: ", "))", found: "an unknown key")
        }
    }

    /// For a value that is of the right type and still cannot be.
    func error(_ key: String, _ expected: String, text: String) -> ConfigurationError {
        error(key, expected, text.tomlValue)
    }

    private mutating func take(_ key: String) -> TOMLValueConvertible? {
        known.insert(key)
        return table?[key]
    }

    private func missing(_ key: String, _ expected: String) -> ConfigurationError {
        ConfigurationError(
            file: file, line: lines[section], key: "[\(section)] \(key)", expected: expected, found: "nothing")
    }

    private func error(_ key: String, _ expected: String, _ value: TOMLValueConvertible) -> ConfigurationError {
        ConfigurationError(
            file: file, line: lines["\(section).\(key)"], key: "[\(section)] \(key)", expected: expected,
            found: ConfigurationReader.describe(value))
    }

    static func describe(_ value: TOMLValueConvertible) -> String {
        switch value.type {
        case .string: "\"\((value.string ?? "").prefix(80))\""
        case .int: value.int.map(String.init) ?? "an integer"
        case .bool: value.bool.map(String.init) ?? "a boolean"
        default: "a value of type \(value.type)"
        }
    }
}
