/// `review.submit`: hands over an operator's veto or approval of a contribution.
public struct ReviewSubmit: ControlMethod {
    /// The signed review: a record.
    public let review: RecordText

    public static let reviewBytesMaximum = 1 << 10

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "review.submit", role: .operator,
        fields: [FieldSchema("review", .record(maximumBytes: reviewBytesMaximum))])

    public init(review: RecordText) {
        self.review = review
    }
}

/// `reviews`: contributions that a quorum holds and that no version has listed: what a review can still decide.
public struct ReviewsRequest: ControlMethod {
    /// At most so many.
    public let count: Int64
    /// So many of them are left out first.
    public let skip: Int64?

    public typealias Response = ReviewsResponse
    public static let schema = MethodSchema(
        "reviews", role: .auditor,
        fields: [
            FieldSchema("count", .integer(1...100)), FieldSchema("skip", .integer(0...1_000_000), isOptional: true),
        ])

    public init(count: Int64, skip: Int64? = nil) {
        self.count = count
        self.skip = skip
    }
}

/// A page of contributions under review, by base and author.
public struct ReviewsResponse: Codable, Hashable, Sendable {
    /// The height that is being agreed on.
    public let height: Int64
    public let mode: Mode
    /// Vetoes that keep a contribution out.
    public let vetoesNeeded: Int64
    /// Approvals by other sites than the author that let a contribution in; 0 where the rules ask for none.
    public let approvalsNeeded: Int64
    /// How long members wait for vetoes.
    public let reviewSeconds: Int64
    public let slots: [ReviewedSlot]
    /// Of all, this page's included.
    public let total: Int64

    public enum Mode: String, Codable, Hashable, Sendable, CaseIterable {
        case open
        case vetoWindow = "veto-window"
        case approve
    }

    public init(
        height: Int64, mode: Mode, vetoesNeeded: Int64, approvalsNeeded: Int64, reviewSeconds: Int64,
        slots: [ReviewedSlot], total: Int64
    ) {
        self.height = height
        self.mode = mode
        self.vetoesNeeded = vetoesNeeded
        self.approvalsNeeded = approvalsNeeded
        self.reviewSeconds = reviewSeconds
        self.slots = slots
        self.total = total
    }
}

/// One contribution and what operators have said about it.
public struct ReviewedSlot: Codable, Hashable, Sendable {
    public let author: SiteName
    /// The author's id.
    public let member: DigestText
    /// The version that it was trained on.
    public let base: DigestText
    public let baseHeight: Int64
    public let contribution: DigestText
    public let tokens: Int64
    /// Nats per token, as its author says; nil if it does not report it.
    public let loss: Double?
    /// The ids of the data sets that it names.
    public let dataSets: [DigestText]
    /// Operators whose word is known here, in the chain or on its way, by ascending name.
    public let vetoes: [SiteName]
    public let approvals: [SiteName]
    /// Whether the rules keep it out of the next version as things are.
    public let isBlockedByReview: Bool

    public init(
        author: SiteName, member: DigestText, base: DigestText, baseHeight: Int64, contribution: DigestText,
        tokens: Int64, loss: Double?, dataSets: [DigestText], vetoes: [SiteName], approvals: [SiteName],
        isBlockedByReview: Bool
    ) {
        self.author = author
        self.member = member
        self.base = base
        self.baseHeight = baseHeight
        self.contribution = contribution
        self.tokens = tokens
        self.loss = loss
        self.dataSets = dataSets
        self.vetoes = vetoes
        self.approvals = approvals
        self.isBlockedByReview = isBlockedByReview
    }
}

/// `contribution.export.begin`: asks for the payload of a contribution, so that a site can judge it by its own text; tensor
/// frames of kind `contribution` follow the response.
public struct ContributionExportBegin: ControlMethod {
    public let contribution: DigestText
    /// The version that lists it; absent for one that is under review.
    public let height: Int64?

    public typealias Response = ContributionExport
    public static let schema = MethodSchema(
        "contribution.export.begin", role: .auditor,
        fields: [
            FieldSchema("contribution", .digest),
            FieldSchema("height", .integer(1...ControlSchema.integerLimit), isOptional: true),
        ], frames: [.contribution])

    public init(contribution: DigestText, height: Int64? = nil) {
        self.contribution = contribution
        self.height = height
    }
}

/// A payload that is on its way, and what the rules in force make of it.
public struct ContributionExport: Codable, Hashable, Sendable {
    /// Stands in each of its frames.
    public let transfer: Int64
    /// Of all frames together, headers not counted.
    public let bytes: Int64
    /// The height of the version that it was trained on.
    public let baseHeight: Int64
    /// How it is encoded.
    public let codec: CodecProfile
    /// What each coordinate of an average is divided by at least.
    public let sendersMinimum: Int64
    /// Of the outer step, in 1/65,536; without meaning under a shared optimizer.
    public let outerLearningRateQ16: Int64
    /// Local steps of a round.
    public let innerSteps: Int64
    /// With `innerSteps` and the number of steps in the base's state it gives the step of a shared optimizer.
    public let schedule: InnerSchedule

    public init(
        transfer: Int64, bytes: Int64, baseHeight: Int64, codec: CodecProfile, sendersMinimum: Int64,
        outerLearningRateQ16: Int64, innerSteps: Int64, schedule: InnerSchedule
    ) {
        self.transfer = transfer
        self.bytes = bytes
        self.baseHeight = baseHeight
        self.codec = codec
        self.sendersMinimum = sendersMinimum
        self.outerLearningRateQ16 = outerLearningRateQ16
        self.innerSteps = innerSteps
        self.schedule = schedule
    }
}
