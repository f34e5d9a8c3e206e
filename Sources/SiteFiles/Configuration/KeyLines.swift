/// The lines of a TOML file on which its keys stand. TOMLKit keeps no positions of values, so this looks for
/// `[section]` and `key =` itself; it serves messages only and decides nothing.
struct KeyLines {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var section = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.first == "[", let end = words.firstIndex(of: "]") {
                section = String(words[words.index(after: words.startIndex)..<end])
                note(section, at: index)
            } else if let equals = words.firstIndex(of: "="), words.first != "#" {
                let key = words[..<equals].filter { $0 != " " && $0 != "\t" && $0 != "\"" }
                note(section.isEmpty ? key : section + "." + key, at: index)
            }
        }
    }

    /// The line of `section.key`, from 1.
    subscript(path: String) -> Int? { lines[path] }

    private mutating func note(_ path: String, at index: Int) {
        if lines[path] == nil { lines[path] = index + 1 }
    }
}
