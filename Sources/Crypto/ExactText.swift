/// Text that is equal, hashed and ordered by its UTF-8 bytes, as a key or around a stored property.
///
/// Swift compares `String` by canonical equivalence: "\u{E9}" equals "e\u{301}", by the tables of the Unicode version that
/// it was built with. Records, files and programs in other languages compare bytes. Whatever members or auditors judge
/// must not depend on such tables.
@propertyWrapper
public struct ExactText: Hashable, Comparable, ExpressibleByStringLiteral, Sendable {
    public let wrappedValue: String

    public init(wrappedValue: String) { self.wrappedValue = wrappedValue }

    public init(_ text: String) { wrappedValue = text }

    public init(stringLiteral text: String) { wrappedValue = text }

    public static func == (left: ExactText, right: ExactText) -> Bool {
        left.wrappedValue.hasSameBytes(as: right.wrappedValue)
    }

    public static func < (left: ExactText, right: ExactText) -> Bool {
        left.wrappedValue.utf8.lexicographicallyPrecedes(right.wrappedValue.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        for byte in wrappedValue.utf8 { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }
}

extension String {
    /// Whether both are the same UTF-8 bytes.
    public func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
