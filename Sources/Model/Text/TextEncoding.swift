/// What the bytes of a file that is not UTF-8 text look like. A guess, for a message; nothing is converted.
public enum TextEncoding: Hashable, Sendable {
    case utf16
    case utf32
    /// ISO 8859-1, Windows-1252 or a sibling: one byte per character.
    case latin1
    /// No text at all.
    case binary

    /// What `bytes` look like if they are not UTF-8 text; nil if they are.
    static func other(than bytes: [UInt8]) -> TextEncoding? {
        // Marks at the beginning (Unicode Standard, section 23.8).
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) { return .utf32 }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return .utf16 }
        let zeros = zeros(in: bytes)
        // ASCII in UTF-16 without a mark is valid UTF-8, with a zero in every second place.
        let half = bytes.count / 2
        if zeros.even + zeros.odd > 0 {
            if bytes.count % 4 == 0, (zeros.even + zeros.odd) * 4 >= bytes.count * 3 - bytes.count / 8 { return .utf32 }
            if bytes.count % 2 == 0, max(zeros.even, zeros.odd) * 4 >= half * 3, min(zeros.even, zeros.odd) * 8 <= half
            {
                return .utf16
            }
            return .binary
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        // Letters with accents are rare among letters without, and control characters do not occur.
        let controls = bytes.count { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0C && $0 != 0x0D || $0 == 0x7F }
        let plain = bytes.count { $0 < 0x80 }
        return controls * 100 <= bytes.count && plain * 2 >= bytes.count ? .latin1 : .binary
    }

    private static func zeros(in bytes: [UInt8]) -> (even: Int, odd: Int) {
        var (even, odd) = (0, 0)
        for (index, byte) in bytes.enumerated() where byte == 0 {
            if index % 2 == 0 { even += 1 } else { odd += 1 }
        }
        return (even, odd)
    }

    var name: String {
        switch self {
        case .utf16: "UTF-16"
        case .utf32: "UTF-32"
        case .latin1: "Latin-1 or another one-byte encoding"
        case .binary: "no text encoding"
        }
    }

    /// For the command line of iconv(1).
    var iconvName: String {
        switch self {
        case .utf16: "UTF-16"
        case .utf32: "UTF-32"
        case .latin1, .binary: "LATIN1"
        }
    }
}
