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
