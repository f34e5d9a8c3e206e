/// What an operator says beside a proposal, a withdrawal or a rejection: one line for people, signed with the rest. No
/// rule reads it.
///
/// Two comments are equal where their bytes are.
public struct Comment: Sendable, CustomStringConvertible {
    /// Empty where nothing is said.
    public let text: String

    /// In UTF-8.
    public static let bytesMaximum = 280

    public static let none = Comment(unchecked: "")

    private init(unchecked text: String) { self.text = text }

    /// Nil for more than `bytesMaximum` bytes, and for characters that could make a terminal show something else than the
    /// text: controls, line ends, and marks that turn the direction of writing.
    public init?(_ text: String) {
        guard text.utf8.count <= Comment.bytesMaximum, text.unicodeScalars.allSatisfy({ Comment.isShown($0.value) })
        else { return nil }
        self.text = text
    }

    private static func isShown(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7f..<0xa0, 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: false
        default: true
        }
    }

    public var isEmpty: Bool { text.isEmpty }
    public var description: String { text }

    var cbor: CBOR { .text(text) }
}

extension Comment: Hashable {
    public static func == (left: Comment, right: Comment) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }
}

extension RecordReader {
    mutating func comment(_ key: String) throws(RecordError) -> Comment {
        guard let comment = Comment(try text(key, limit: Comment.bytesMaximum)) else { throw .outOfRange(key: key) }
        return comment
    }
}
