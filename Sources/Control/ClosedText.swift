/// A BLAKE2b-256 digest, or a 32-byte public key, as the control socket writes it: 64 lower-case hexadecimal digits.
public struct DigestText: Hashable, Sendable, Codable, CustomStringConvertible {
    public let text: String

    /// Nil for anything but 64 lower-case hexadecimal digits.
    public init?(_ text: String) {
        guard Grammar.isDigest(text) else { return nil }
        self.text = text
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = DigestText(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a digest")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var description: String { text }
}

/// The encoding of a ledger record, as the control socket writes it: two lower-case hexadecimal digits a byte.
public struct RecordText: Hashable, Sendable, Codable {
    /// What any record may have of bytes; fields have limits of their own. The longest is a proposal that all operators of
    /// the largest mesh have signed.
    public static let bytesMaximum = 192 << 10

    public let text: String

    /// Nil for no bytes, and for more than `bytesMaximum`.
    public init?(bytes: [UInt8]) {
        guard (1...RecordText.bytesMaximum).contains(bytes.count) else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        self.text = String(decoding: text, as: UTF8.self)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard Grammar.isRecord(text, maximumBytes: RecordText.bytesMaximum) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a record")
        }
        self.text = text
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var bytes: [UInt8] {
        func value(_ digit: UInt8) -> UInt8 {
            digit >= UInt8(ascii: "a") ? digit - UInt8(ascii: "a") + 10 : digit - UInt8(ascii: "0")
        }
        let digits = Array(text.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }
}

/// The name of a site: `[a-z0-9-]{1,32}`.
public struct SiteName: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public let text: String

    /// Nil for a name that does not follow the grammar.
    public init?(_ text: String) {
        guard Grammar.isMemberName(text) else { return nil }
        self.text = text
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = SiteName(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the name of a site")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var description: String { text }

    public static func < (left: SiteName, right: SiteName) -> Bool { left.text < right.text }
}
