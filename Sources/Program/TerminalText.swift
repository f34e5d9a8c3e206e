/// Text for a terminal or a log, parts of which may come from others: from a peer, or from a file of theirs.
public enum TerminalText {
    /// The text with control characters and marks of writing direction escaped as `\u{NN}`, so that they cannot move the
    /// cursor, change colours or titles, or turn words around.
    ///
    /// - Parameters:
    ///   - keepsLines: whether line feeds stay; otherwise they become `\n`.
    ///   - bytesMaximum: a longer text is cut after so many bytes of its own, and ends with `...`.
    public static func escaped(_ text: String, keepsLines: Bool, bytesMaximum: Int = .max) -> String {
        var result = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            if bytes >= bytesMaximum { return result + "..." }
            switch scalar.value {
            case 0x0A: result += keepsLines ? "\n" : "\\n"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
            bytes += UTF8.width(scalar)
        }
        return result
    }
}
