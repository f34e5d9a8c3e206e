/// `members`: the member set that signs the next height.
public struct MembersRequest: ControlMethod {

    public typealias Response = MembersResponse
    public static let schema = MethodSchema(
        "members", role: .auditor)

    public init() {
    }
}

/// The set, by ascending member id.
public struct MembersResponse: Codable, Hashable, Sendable {
    /// The height that it signs.
    public let height: Int64
    public let memberSet: DigestText
    public let members: [Member]
    /// Sites that this one has invited and that are no members (yet), by ascending name.
    public let observers: [Observer]

    public init(height: Int64, memberSet: DigestText, members: [Member], observers: [Observer] = []) {
        self.height = height
        self.memberSet = memberSet
        self.members = members
        self.observers = observers
    }
}

/// A site that this one has invited: its daemon may have a link to this site's and to no other.
public struct Observer: Codable, Hashable, Sendable {
    public let member: DigestText
    /// As its card says.
    public let site: SiteName
    public let linkKey: DigestText
    public let isLinked: Bool

    public init(member: DigestText, site: SiteName, linkKey: DigestText, isLinked: Bool) {
        self.member = member
        self.site = site
        self.linkKey = linkKey
        self.isLinked = isLinked
    }
}

/// One member.
public struct Member: Codable, Hashable, Sendable {
    public let id: Int64
    /// Its id for life.
    public let member: DigestText
    public let site: SiteName
    /// Ed25519, 64 hexadecimal digits like a digest.
    public let operatorKey: DigestText
    public let nodeKey: DigestText
    /// X25519.
    public let linkKey: DigestText
    public let keyEpoch: Int64

    public init(
        id: Int64, member: DigestText, site: SiteName, operatorKey: DigestText, nodeKey: DigestText,
        linkKey: DigestText, keyEpoch: Int64
    ) {
        self.id = id
        self.member = member
        self.site = site
        self.operatorKey = operatorKey
        self.nodeKey = nodeKey
        self.linkKey = linkKey
        self.keyEpoch = keyEpoch
    }
}

/// `rules`: the rules of the next height.
public struct RulesRequest: ControlMethod {

    public typealias Response = RulesResponse
    public static let schema = MethodSchema(
        "rules", role: .auditor)

    public init() {
    }
}

/// The rules, by ascending name.
public struct RulesResponse: Codable, Hashable, Sendable {
    public let height: Int64
    /// Their digest.
    public let rules: DigestText
    public let entries: [Rule]

    public init(height: Int64, rules: DigestText, entries: [Rule]) {
        self.height = height
        self.rules = rules
        self.entries = entries
    }
}

/// One rule and its value, in the words of the ledger.
public struct Rule: Codable, Hashable, Sendable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// `versions`: certified versions in descending order of height.
public struct VersionsRequest: ControlMethod {
    /// At most so many, 1 to 100.
    public let count: Int64
    /// The highest height wanted; the head where it is absent.
    public let from: Int64?

    public typealias Response = VersionsResponse
    public static let schema = MethodSchema(
        "versions", role: .auditor,
        fields: [
            FieldSchema("count", .integer(1...100)),
            FieldSchema("from", .integer(0...ControlSchema.integerLimit), isOptional: true),
        ])

    public init(count: Int64, from: Int64? = nil) {
        self.count = count
        self.from = from
    }
}

/// Versions, the highest first.
public struct VersionsResponse: Codable, Hashable, Sendable {
    public let versions: [VersionSummary]

    public init(versions: [VersionSummary]) {
        self.versions = versions
    }
}

/// A certified version in a line.
public struct VersionSummary: Codable, Hashable, Sendable {
    public let height: Int64
    /// Its digest.
    public let version: DigestText
    /// Whose contributions it averages, by ascending member id.
    public let contributors: [SiteName]
    /// Whose signatures this site's certificate has.
    public let signers: [SiteName]
    /// From the parent's adoption to its own at this site; absent where it was fetched.
    public let milliseconds: Int64?
    public let parametersRoot: DigestText

    public init(
        height: Int64, version: DigestText, contributors: [SiteName], signers: [SiteName], milliseconds: Int64? = nil,
        parametersRoot: DigestText
    ) {
        self.height = height
        self.version = version
        self.contributors = contributors
        self.signers = signers
        self.milliseconds = milliseconds
        self.parametersRoot = parametersRoot
    }
}

/// `version`: one certified version in full.
public struct VersionRequest: ControlMethod {
    public let height: Int64

    public typealias Response = VersionResponse
    public static let schema = MethodSchema(
        "version", role: .auditor,
        fields: [FieldSchema("height", .integer(0...ControlSchema.integerLimit))])

    public init(height: Int64) {
        self.height = height
    }
}

/// The version record with its certificate.
public struct VersionResponse: Codable, Hashable, Sendable {
    public let summary: VersionSummary
    public let parent: DigestText
    /// The view that decided it.
    public let view: Int64
    /// Of the next height.
    public let memberSet: DigestText
    /// Of the next height.
    public let rules: DigestText
    public let support: DigestText
    public let outerStateRoot: DigestText
    /// The governance action that it carries.
    public let action: Action?
    /// In the order of the manifest.
    public let contributions: [ContributionSummary]

    public enum Action: String, Codable, Hashable, Sendable, CaseIterable {
        case admit
        case remove
        case rotate
        case rules
        case revert
        /// The state that a revert's replay gave takes over.
        case `switch`
    }

    public init(
        summary: VersionSummary, parent: DigestText, view: Int64, memberSet: DigestText, rules: DigestText,
        support: DigestText, outerStateRoot: DigestText, action: Action? = nil, contributions: [ContributionSummary]
    ) {
        self.summary = summary
        self.parent = parent
        self.view = view
        self.memberSet = memberSet
        self.rules = rules
        self.support = support
        self.outerStateRoot = outerStateRoot
        self.action = action
        self.contributions = contributions
    }
}

/// `contributions`: what this site holds for a height, listed or not.
public struct ContributionsRequest: ControlMethod {
    public let height: Int64

    public typealias Response = ContributionsResponse
    public static let schema = MethodSchema(
        "contributions", role: .auditor,
        fields: [FieldSchema("height", .integer(0...ControlSchema.integerLimit))])

    public init(height: Int64) {
        self.height = height
    }
}

/// Contributions by ascending author.
public struct ContributionsResponse: Codable, Hashable, Sendable {
    public let height: Int64
    public let contributions: [ContributionSummary]

    public init(height: Int64, contributions: [ContributionSummary]) {
        self.height = height
        self.contributions = contributions
    }
}

/// One contribution.
public struct ContributionSummary: Codable, Hashable, Sendable {
    public let author: SiteName
    public let baseHeight: Int64
    public let contribution: DigestText
    /// Of its payload.
    public let bytes: Int64
    public let steps: Int64
    public let tokens: Int64
    /// Nats per token, as its author says; nil if it does not report it.
    public let loss: Double?
    /// Ids of the data sets behind it.
    public let dataSets: [DigestText]
    /// Its share in the average by the version record, if it is listed: before near copies share theirs.
    public let weightMillionths: Int64?
    /// How it went into the version; absent if it is not listed, or if this site did not average the version.
    public let figures: ContributionFigures?
    public let isListed: Bool
    /// The members decided to leave it out. The version that lists it stays as it is.
    public let isReverted: Bool?

    public init(
        author: SiteName, baseHeight: Int64, contribution: DigestText, bytes: Int64, steps: Int64, tokens: Int64,
        loss: Double? = nil, dataSets: [DigestText], weightMillionths: Int64? = nil, isListed: Bool,
        isReverted: Bool? = nil, figures: ContributionFigures? = nil
    ) {
        self.figures = figures
        self.isReverted = isReverted
        self.author = author
        self.baseHeight = baseHeight
        self.contribution = contribution
        self.bytes = bytes
        self.steps = steps
        self.tokens = tokens
        self.loss = loss
        self.dataSets = dataSets
        self.weightMillionths = weightMillionths
        self.isListed = isListed
    }
}

/// How a contribution went into the version that lists it: the same at every site that averaged the version.
public struct ContributionFigures: Codable, Hashable, Sendable {
    /// Its share of the step, after near copies shared theirs.
    public let sharedWeightMillionths: Int64
    /// The length that clipping left of it, in millionths of its own.
    public let clipFactorMillionths: Int64
    /// Cosine with the step of the version; absent if one of the two is zero.
    public let stepCosineMillionths: Int64?
    /// The other contribution with the largest cosine; absent if there is no other one.
    public let nearest: ContributionCosine?
    /// The other contribution with the smallest cosine.
    public let farthest: ContributionCosine?

    public init(
        sharedWeightMillionths: Int64, clipFactorMillionths: Int64, stepCosineMillionths: Int64? = nil,
        nearest: ContributionCosine? = nil, farthest: ContributionCosine? = nil
    ) {
        self.sharedWeightMillionths = sharedWeightMillionths
        self.clipFactorMillionths = clipFactorMillionths
        self.stepCosineMillionths = stepCosineMillionths
        self.nearest = nearest
        self.farthest = farthest
    }
}

/// The cosine between two contributions of a version.
public struct ContributionCosine: Codable, Hashable, Sendable {
    /// The author of the other one.
    public let author: SiteName
    public let cosineMillionths: Int64

    public init(author: SiteName, cosineMillionths: Int64) {
        self.author = author
        self.cosineMillionths = cosineMillionths
    }
}

/// `rounds`: how recent rounds went at this site, in descending order of height.
public struct RoundsRequest: ControlMethod {
    /// At most so many, 1 to 100.
    public let count: Int64
    /// The highest height wanted; the newest where it is absent.
    public let from: Int64?

    public typealias Response = RoundsResponse
    public static let schema = MethodSchema(
        "rounds", role: .auditor,
        fields: [
            FieldSchema("count", .integer(1...100)),
            FieldSchema("from", .integer(0...ControlSchema.integerLimit), isOptional: true),
        ])

    public init(count: Int64, from: Int64? = nil) {
        self.count = count
        self.from = from
    }
}

/// Rounds, the highest first.
public struct RoundsResponse: Codable, Hashable, Sendable {
    public let rounds: [RoundSummary]

    public init(rounds: [RoundSummary]) {
        self.rounds = rounds
    }
}

/// The course of one round at this site. Times count from the parent's adoption.
public struct RoundSummary: Codable, Hashable, Sendable {
    public let height: Int64
    /// Views that it took; 1 is the least.
    public let views: Int64
    /// Listed in the version.
    public let contributions: Int64
    /// When the first was complete here.
    public let firstContributionMilliseconds: Int64?
    /// When the last listed one had its availability certificate.
    public let availableMilliseconds: Int64?
    /// When a quorum was ready.
    public let readyMilliseconds: Int64?
    /// When the certificate was complete.
    public let certifiedMilliseconds: Int64
    /// From all peers.
    public let receivedBytes: Int64
    /// To all peers.
    public let sentBytes: Int64
    /// Whom the round waited for last.
    public let lastSites: [SiteName]

    public init(
        height: Int64, views: Int64, contributions: Int64, firstContributionMilliseconds: Int64? = nil,
        availableMilliseconds: Int64? = nil, readyMilliseconds: Int64? = nil, certifiedMilliseconds: Int64,
        receivedBytes: Int64, sentBytes: Int64, lastSites: [SiteName]
    ) {
        self.height = height
        self.views = views
        self.contributions = contributions
        self.firstContributionMilliseconds = firstContributionMilliseconds
        self.availableMilliseconds = availableMilliseconds
        self.readyMilliseconds = readyMilliseconds
        self.certifiedMilliseconds = certifiedMilliseconds
        self.receivedBytes = receivedBytes
        self.sentBytes = sentBytes
        self.lastSites = lastSites
    }
}

/// `ledger.export.begin`: asks for the ledger from genesis on; tensor frames of kind `ledger` follow the response with
/// ascending offsets.
public struct LedgerExportBegin: ControlMethod {
    /// The last height wanted; the head where it is absent.
    public let through: Int64?

    public typealias Response = LedgerExport
    public static let schema = MethodSchema(
        "ledger.export.begin", role: .auditor,
        fields: [FieldSchema("through", .integer(0...ControlSchema.integerLimit), isOptional: true)],
        frames: [.ledger])

    public init(through: Int64? = nil) {
        self.through = through
    }
}

/// An export that begins.
public struct LedgerExport: Codable, Hashable, Sendable {
    /// Stands in each of its frames.
    public let transfer: Int64
    /// Of all frames together, headers not counted.
    public let bytes: Int64
    /// The last height in it.
    public let height: Int64
    /// Its version digest: what `meshctl verify` must reach.
    public let head: DigestText

    public init(transfer: Int64, bytes: Int64, height: Int64, head: DigestText) {
        self.transfer = transfer
        self.bytes = bytes
        self.height = height
        self.head = head
    }
}

/// `parameters.export.begin`: asks for one part of a certified version's state; tensor frames of kind `parameters` follow the
/// response, tensor by tensor with ascending offsets.
public struct ParametersExportBegin: ControlMethod {
    /// The height wanted; the head where it is absent. Versions whose parameters are no longer kept are not found.
    public let height: Int64?
    /// The parameters where it is absent.
    public let part: StatePart?

    public typealias Response = ParametersExport
    public static let schema = MethodSchema(
        "parameters.export.begin", role: .auditor,
        fields: [
            FieldSchema("height", .integer(0...ControlSchema.integerLimit), isOptional: true),
            FieldSchema("part", .enumeration(StatePart.allCases.map(\.rawValue)), isOptional: true),
        ], frames: [.parameters])

    public init(height: Int64? = nil, part: StatePart? = nil) {
        self.height = height
        self.part = part
    }
}

/// What a version certifies.
public enum StatePart: String, Codable, Hashable, Sendable, CaseIterable {
    case parameters
    /// The state of a shared optimizer: the second moment of each parameter, tensor by tensor, then one value, with the index behind
    /// the last tensor: the number of steps. Not found in a mesh without a shared optimizer.
    case optimizer
}

/// An export that begins.
public struct ParametersExport: Codable, Hashable, Sendable {
    /// Stands in each of its frames.
    public let transfer: Int64
    /// Of all frames together, headers not counted: four per parameter, and four more for the optimizer's number of steps.
    public let bytes: Int64
    public let height: Int64
    /// Its digest.
    public let version: DigestText
    /// The Merkle root of what arrives, as the version certifies it.
    public let root: DigestText

    public init(transfer: Int64, bytes: Int64, height: Int64, version: DigestText, root: DigestText) {
        self.transfer = transfer
        self.bytes = bytes
        self.height = height
        self.version = version
        self.root = root
    }
}
