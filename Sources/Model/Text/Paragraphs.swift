/// Where the paragraphs of a text begin and end.
enum Paragraphs {
    /// Ranges that follow each other and cover the text: each a paragraph with the blank lines after it.
    static func ranges(_ text: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        var lineStart = 0
        var afterBlank = false
        var seenText = false
        for index in text.indices where text[index] == 0x0A || index == text.count - 1 {
            let isBlank = text[lineStart...index].allSatisfy {
                $0 == 0x0A || $0 == 0x20 || $0 == 0x09 || $0 == 0x0D
            }
            if !isBlank {
                if afterBlank && seenText {
                    ranges.append(start..<lineStart)
                    start = lineStart
                }
                seenText = true
            }
            afterBlank = isBlank
            lineStart = index + 1
        }
        if start < text.count { ranges.append(start..<text.count) }
        return ranges
    }

    /// A longer paragraph (a log, a table, a text without blank lines) is looked at in pieces.
    static let pieceBytesMaximum = 65_536

    /// The paragraphs, longer ones cut at a line, or at a character if there is no line.
    static func pieces(_ text: [UInt8]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        for range in ranges(text) {
            var rest = range
            while rest.count > pieceBytesMaximum {
                let latest = rest.lowerBound + pieceBytesMaximum
                let candidates = rest.lowerBound + 1...latest
                let cut =
                    candidates.last { text[$0 - 1] == 0x0A } ?? candidates.last { text[$0] & 0xC0 != 0x80 } ?? latest
                pieces.append(rest.lowerBound..<cut)
                rest = cut..<rest.upperBound
            }
            pieces.append(rest)
        }
        return pieces
    }
}
