import Crypto

/// The contribution that an author committed to in one round: the slot's base is the parent of the round's height.
public struct Commitment: Record, Hashable, Comparable {
    public let author: MemberID
    public let contribution: ContributionDigest

    public init(author: MemberID, contribution: ContributionDigest) {
        self.author = author
        self.contribution = contribution
    }

    public init(_ contribution: Contribution) {
        self.init(author: contribution.author, contribution: contribution.contributionDigest)
    }

    public static func < (left: Commitment, right: Commitment) -> Bool {
        left.author != right.author ? left.author < right.author : left.contribution < right.contribution
    }

    public var cbor: CBOR { .record(["author": author.cbor, "contribution": contribution.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        author = try reader.identity("author")
        contribution = try reader.identity("contribution")
        try reader.finish()
    }
}

/// "The round is closed: I saw these commitments." One per member and height. No author shows a payload before a quorum
/// of members has said so, so that no member can choose a contribution after it has read another.
public struct Closed: Statement, Hashable {
    public static let tag = "closed"

    public let height: Height
    /// The base that the commitments refer to.
    public let parent: VersionDigest
    /// Strictly ascending by author: at most one commitment of each.
    public let commitments: [Commitment]

    /// - Parameter commitments: at most one of an author.
    public init(height: Height, parent: VersionDigest, commitments: [Commitment]) {
        self.height = height
        self.parent = parent
        self.commitments = commitments.sorted()
    }

    /// Whether it names exactly this contribution of the author.
    public func names(_ commitment: Commitment) -> Bool {
        var (low, high) = (0, commitments.count)
        while low < high {
            let middle = (low + high) / 2
            if commitments[middle] < commitment { low = middle + 1 } else { high = middle }
        }
        return low < commitments.count && commitments[low] == commitment
    }

    public var cbor: CBOR {
        .record(["height": .height(height), "parent": parent.cbor, "commitments": .records(commitments)])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        height = try reader.height("height")
        parent = try reader.identity("parent")
        commitments = try reader.records("commitments", limit: Limits.commitments)
        try reader.finish()
        for (left, right) in zip(commitments, commitments.dropFirst()) where left.author >= right.author {
            throw .notAscending(key: "commitments")
        }
    }
}

extension Signed where Body == Closed {
    /// How a closing names this statement: with its signature, so that what was embedded can be checked for ever.
    public var objectDigest: Digest { Digest(DigestDomain("mesh/closed-obj"), encoded) }
}

/// The statements of one round on which a version rests, by name. The version's support holds the digest of this list;
/// the statements themselves travel one by one, so that every message keeps its limit.
public struct ClosingNames: Statement, Hashable {
    public static let tag = "closing"

    /// Object digests, in the order of `Closing.statements`.
    public let statements: [Digest]

    public init(statements: [Digest]) { self.statements = statements }

    public var cbor: CBOR { .record(["statements": .digests(statements)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        statements = try reader.digests("statements", limit: Limits.closingStatements)
        try reader.finish()
    }
}

/// The `closed` statements of one round that show that a version lists committed contributions only.
public struct Closing: Record, Hashable {
    /// Strictly ascending by signer, those of one signer by object digest.
    public let statements: [Signed<Closed>]

    /// - Parameter statements: different ones.
    public init(statements: [Signed<Closed>]) { self.statements = statements.sorted(by: Closing.precedes) }

    private static func precedes(_ left: Signed<Closed>, _ right: Signed<Closed>) -> Bool {
        left.signer == right.signer ? left.objectDigest < right.objectDigest : left.signer < right.signer
    }

    public var names: ClosingNames { ClosingNames(statements: statements.map(\.objectDigest)) }

    public var cbor: CBOR { .record(["statements": .records(statements)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        statements = try reader.records("statements", limit: Limits.closingStatements)
        try reader.finish()
        for (left, right) in zip(statements, statements.dropFirst()) where !Closing.precedes(left, right) {
            throw .notAscending(key: "statements")
        }
    }
}
