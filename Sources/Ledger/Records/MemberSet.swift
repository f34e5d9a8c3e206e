import Crypto

/// One site of the mesh, as the ledger knows it.
public struct Member: Record, Hashable {
    public let id: MemberID
    /// What people call the site: 1 to 32 characters of `a-z`, `0-9` and `-`. Unique in a set.
    public let name: String
    public let operatorKey: VerifyingKey
    public let nodeKey: VerifyingKey
    public let linkKey: LinkPublicKey
    /// Grows with every rotation, so that nothing signed by a retired key can be replayed.
    public let keyEpoch: UInt32

    public init(
        id: MemberID, name: String, operatorKey: VerifyingKey, nodeKey: VerifyingKey, linkKey: LinkPublicKey,
        keyEpoch: UInt32
    ) {
        self.id = id
        self.name = name
        self.operatorKey = operatorKey
        self.nodeKey = nodeKey
        self.linkKey = linkKey
        self.keyEpoch = keyEpoch
    }

    public static func isValidName(_ name: String) -> Bool {
        (1...Limits.memberNameBytes).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }

    public var cbor: CBOR {
        .record([
            "id": id.cbor, "name": .text(name), "operator_key": .bytes(operatorKey.bytes),
            "node_key": .bytes(nodeKey.bytes), "link_key": .bytes(linkKey.bytes),
            "key_epoch": .unsigned(UInt64(keyEpoch)),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        id = try reader.identity("id")
        name = try reader.text("name", limit: Limits.memberNameBytes)
        operatorKey = try reader.verifyingKey("operator_key")
        nodeKey = try reader.verifyingKey("node_key")
        linkKey = try reader.linkKey("link_key")
        keyEpoch = try reader.unsigned32("key_epoch")
        try reader.finish()
        guard Member.isValidName(name) else { throw .outOfRange(key: "name") }
        guard operatorKey.isValidPoint else { throw .outOfRange(key: "operator_key") }
        guard nodeKey.isValidPoint else { throw .outOfRange(key: "node_key") }
        guard linkKey.isValidPoint else { throw .outOfRange(key: "link_key") }
    }
}

/// What stays of a member that left: enough that nothing it signed can be replayed.
public struct Tombstone: Record, Hashable {
    public let id: MemberID
    public let lastKeyEpoch: UInt32
    public let lastSequence: UInt64

    public init(id: MemberID, lastKeyEpoch: UInt32, lastSequence: UInt64) {
        self.id = id
        self.lastKeyEpoch = lastKeyEpoch
        self.lastSequence = lastSequence
    }

    public var cbor: CBOR {
        .record([
            "id": id.cbor, "last_key_epoch": .unsigned(UInt64(lastKeyEpoch)), "last_sequence": .unsigned(lastSequence),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        id = try reader.identity("id")
        lastKeyEpoch = try reader.unsigned32("last_key_epoch")
        lastSequence = try reader.unsigned("last_sequence")
        try reader.finish()
    }
}

/// The members that decide one height, by ascending id. A member's index is its position here.
public struct MemberSet: Statement, Hashable {
    public static let tag = "members"

    public let members: [Member]
    public let tombstones: [Tombstone]
    /// Computed once: a set is named far more often than it is made.
    public let digest: Digest
    private let indexes: [MemberID: Int]

    /// - Throws: `notAscending` for a repeated id, `outOfRange` for a repeated name or key or an empty set.
    public init(members: [Member], tombstones: [Tombstone] = []) throws(RecordError) {
        let sorted = members.sorted { $0.id < $1.id }
        guard !sorted.isEmpty, sorted.count <= Limits.members else { throw .outOfRange(key: "members") }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.id == right.id {
            throw .notAscending(key: "members")
        }
        guard Set(sorted.map { ExactText($0.name) }).count == sorted.count else { throw .outOfRange(key: "name") }
        guard Set(sorted.map(\.linkKey)).count == sorted.count else { throw .outOfRange(key: "link_key") }
        guard Set(sorted.map(\.nodeKey)).count == sorted.count else { throw .outOfRange(key: "node_key") }
        self.members = sorted
        self.tombstones = tombstones.sorted { $0.id < $1.id }
        digest = Digest(MemberSet.domain, MemberSet.cbor(sorted, self.tombstones).encoded)
        var indexes: [MemberID: Int] = [:]
        for (index, member) in sorted.enumerated() { indexes[member.id] = index }
        self.indexes = indexes
    }

    /// n, the number of members.
    public var count: Int { members.count }
    /// f = floor((n - 1) / 3): how many may be Byzantine while every promise holds.
    public var faultBound: Int { (count - 1) / 3 }
    /// q = floor(2n / 3) + 1: how many must sign. Any two quorums share an honest member.
    public var quorum: Int { 2 * count / 3 + 1 }
    /// t = floor((n + f) / 2) + 1: how many `closed` statements must name a contribution. More than half of what n members
    /// can say of which f speak twice, so no slot commits to two contributions; at most n - f, so honest members suffice.
    public var commitmentThreshold: Int { (count + faultBound) / 2 + 1 }

    /// How many `closed` statements show at most what a version lists of a round: two per member, for members may sign
    /// two, and each may be needed for another contribution.
    public var closingStatementsMaximum: Int { min(2 * count, Limits.closingStatements) }

    public subscript(id: MemberID) -> Member? { indexes[id].map { members[$0] } }
    public func index(of id: MemberID) -> Int? { indexes[id] }

    /// The member that authenticates with this link key.
    public func member(linkKey: LinkPublicKey) -> Member? { members.first { $0.linkKey == linkKey } }
    public func member(named name: String) -> Member? { members.first { $0.name == name } }

    public var cbor: CBOR { MemberSet.cbor(members, tombstones) }

    private static func cbor(_ members: [Member], _ tombstones: [Tombstone]) -> CBOR {
        .record(["members": .records(members), "tombstones": .records(tombstones)])
    }

    /// The digest is that of the whole record.
    public static func == (left: MemberSet, right: MemberSet) -> Bool { left.digest == right.digest }
    public func hash(into hasher: inout Hasher) { hasher.combine(digest) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        let members: [Member] = try reader.records("members", limit: Limits.members)
        let tombstones: [Tombstone] = try reader.records("tombstones", limit: Limits.tombstones)
        try reader.finish()
        for (left, right) in zip(members, members.dropFirst()) where left.id >= right.id {
            throw .notAscending(key: "members")
        }
        for (left, right) in zip(tombstones, tombstones.dropFirst()) where left.id >= right.id {
            throw .notAscending(key: "tombstones")
        }
        try self.init(members: members, tombstones: tombstones)
    }
}

extension RecordReader {
    mutating func linkKey(_ key: String) throws(RecordError) -> LinkPublicKey {
        guard let value = LinkPublicKey(bytes: try bytes(key, limit: 32)) else { throw .wrongType(key: key) }
        return value
    }
}
