import Crypto

/// A digest that names one kind of thing. Distinct types, so that a version can never stand where a member is meant.
public protocol DigestIdentity: Hashable, Comparable, Sendable, CustomStringConvertible {
    var digest: Digest { get }
    init(_ digest: Digest)
}

extension DigestIdentity {
    public var description: String { digest.description }
    /// 12 hexadecimal digits, for people.
    public var short: String { digest.short }
    public static func < (left: Self, right: Self) -> Bool { left.digest < right.digest }
    var cbor: CBOR { .digest(digest) }
}

/// The digest of a genesis body: which mesh something belongs to.
public struct NetworkID: DigestIdentity {
    public let digest: Digest
    public init(_ digest: Digest) { self.digest = digest }
}

/// A member's name for life: the digest of its first operator key. It survives every key rotation.
public struct MemberID: DigestIdentity {
    public let digest: Digest
    public init(_ digest: Digest) { self.digest = digest }

    /// The id that belongs to a site whose first operator key is `key`.
    public init(firstOperatorKey key: VerifyingKey) {
        self.init(Digest(DigestDomain("mesh/member"), key.bytes))
    }
}

/// The digest of a version record, and so of everything that led to it.
public struct VersionDigest: DigestIdentity {
    public let digest: Digest
    public init(_ digest: Digest) { self.digest = digest }
}

/// The digest of a contribution's unsigned record.
public struct ContributionDigest: DigestIdentity {
    public let digest: Digest
    public init(_ digest: Digest) { self.digest = digest }
}

/// A place in the chain of versions; genesis is version 0.
public struct Height: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static let genesis = Height(0)
    /// The height after this one. Heights from outside are bounded by `Limits.heightMaximum`, so this cannot overflow.
    public var next: Height { Height(value + 1) }
    public var description: String { String(value) }
    public static func < (left: Height, right: Height) -> Bool { left.value < right.value }
}

/// An attempt to agree within one height, from 1 on.
public struct View: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt32
    public init(_ value: UInt32) { self.value = value }
    /// "No view": what a fresh proposal says it re-proposes.
    public static let none = View(0)
    public static let first = View(1)
    public var next: View { View(value + 1) }
    public var description: String { String(value) }
    public static func < (left: View, right: View) -> Bool { left.value < right.value }
}

/// Who may contribute once on top of which version.
public struct Slot: Record, Hashable, Comparable {
    public let author: MemberID
    public let base: VersionDigest

    public init(author: MemberID, base: VersionDigest) {
        self.author = author
        self.base = base
    }

    public static func < (left: Slot, right: Slot) -> Bool {
        left.author != right.author ? left.author < right.author : left.base < right.base
    }

    public var cbor: CBOR { .record(["author": author.cbor, "base": base.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        author = try reader.identity("author")
        base = try reader.identity("base")
        try reader.finish()
    }
}

extension RecordReader {
    mutating func identity<Identity: DigestIdentity>(_ key: String) throws(RecordError) -> Identity {
        Identity(try digest(key))
    }

    mutating func height(_ key: String) throws(RecordError) -> Height {
        Height(try unsigned(key, in: 0...Limits.heightMaximum))
    }

    mutating func view(_ key: String, from first: View) throws(RecordError) -> View {
        View(try unsigned32(key, in: first.value...Limits.viewMaximum))
    }
}

extension CBOR {
    static func height(_ height: Height) -> CBOR { .unsigned(height.value) }
    static func view(_ view: View) -> CBOR { .unsigned(UInt64(view.value)) }
}
