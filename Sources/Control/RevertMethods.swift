/// `revert.preview`: what a revert would cost and touch, before anybody signs it. Either `contribution` or `dataSet`.
public struct RevertPreviewRequest: ControlMethod {
    /// The contribution that is to be left out.
    public let contribution: DigestText?
    /// All contributions that name this data set are to be left out.
    public let dataSet: DigestText?
    /// The first version from which on; where it is absent, the first that lists any of them and can be reverted.
    public let from: Int64?

    public typealias Response = RevertPreview
    public static let schema = MethodSchema(
        "revert.preview", role: .auditor,
        fields: [
            FieldSchema("contribution", .digest, isOptional: true), FieldSchema("dataSet", .digest, isOptional: true),
            FieldSchema("from", .integer(1...ControlSchema.integerLimit), isOptional: true),
        ])

    public init(contribution: DigestText? = nil, dataSet: DigestText? = nil, from: Int64? = nil) {
        self.contribution = contribution
        self.dataSet = dataSet
        self.from = from
    }
}

/// What a revert would do, reckoned from what this site holds and how fast it averaged.
public struct RevertPreview: Codable, Hashable, Sendable {
    /// From this version on.
    public let from: Int64
    /// The oldest version from which a revert may reach; of older ones nothing can be taken out any more.
    public let oldest: Int64
    /// Every member makes so many versions anew, and one more with every new version until it is through.
    public let versions: Int64
    /// Of the contributions that it reads.
    public let bytes: Int64
    /// At this site, by its own recent averagings; absent where it has made none yet.
    public let milliseconds: Int64?
    /// What is left out, by ascending height; at most `listMaximum`.
    public let excluded: [RevertedContribution]
    public let excludedCount: Int64
    /// Contributions that stay and were trained on versions that contained what is left out; at most `listMaximum`.
    public let affected: [RevertedContribution]
    public let affectedCount: Int64
    /// Contributions that would be left out and lie before the oldest version: they stay in for ever.
    public let outOfReachCount: Int64
    /// Why the members may not decide this now; absent where they may.
    public let refusal: String?

    public static let listMaximum = 256

    public init(
        from: Int64, oldest: Int64, versions: Int64, bytes: Int64, milliseconds: Int64?,
        excluded: [RevertedContribution], excludedCount: Int64, affected: [RevertedContribution], affectedCount: Int64,
        outOfReachCount: Int64, refusal: String?
    ) {
        self.from = from
        self.oldest = oldest
        self.versions = versions
        self.bytes = bytes
        self.milliseconds = milliseconds
        self.excluded = excluded
        self.excludedCount = excludedCount
        self.affected = affected
        self.affectedCount = affectedCount
        self.outOfReachCount = outOfReachCount
        self.refusal = refusal
    }
}

/// A contribution that a version lists.
public struct RevertedContribution: Codable, Hashable, Sendable {
    /// Of the version.
    public let height: Int64
    public let author: SiteName
    public let contribution: DigestText

    public init(height: Int64, author: SiteName, contribution: DigestText) {
        self.height = height
        self.author = author
        self.contribution = contribution
    }
}

/// A replay without excluded contributions that this site computes in the background.
public struct ReplayState: Codable, Hashable, Sendable {
    /// The last version that is made anew; absent before the first step.
    public let version: Int64?
    /// The head: where it must come to.
    public let through: Int64
    /// Reverts that wait for it.
    public let reverts: Int64
    /// Why it does not get on; absent in good times.
    public let trouble: String?

    public init(version: Int64?, through: Int64, reverts: Int64, trouble: String?) {
        self.version = version
        self.through = through
        self.reverts = reverts
        self.trouble = trouble
    }
}
