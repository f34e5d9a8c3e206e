/// What an operator says against a proposal.
public struct ProposalOpinion: Codable, Hashable, Sendable {
    public let site: SiteName
    public let verdict: Verdict
    /// Empty where nothing is said.
    public let comment: String

    public enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
        /// It took back its own signature.
        case withdraw
        case reject
    }

    /// So many are told of one proposal.
    public static let listMaximum = 16

    public init(site: SiteName, verdict: Verdict, comment: String) {
        self.site = site
        self.verdict = verdict
        self.comment = comment
    }
}

/// `proposal.judge`: hands over an operator's withdrawal or rejection of a pending action; the daemon checks it, keeps it and
/// passes it on.
public struct ProposalJudge: ControlMethod {
    /// The action with the signed verdict: a record.
    public let judged: RecordText

    public static let judgedBytesMaximum = 32 << 10

    public typealias Response = ProposalJudged
    public static let schema = MethodSchema(
        "proposal.judge", role: .operator,
        fields: [FieldSchema("judged", .record(maximumBytes: judgedBytesMaximum))])

    public init(judged: RecordText) {
        self.judged = judged
    }
}

/// What a verdict makes of the proposal.
public struct ProposalJudged: Codable, Hashable, Sendable {
    public let action: DigestText
    public let words: String
    /// Operators whose signature counts now, by ascending name.
    public let signed: [SiteName]
    public let operatorsNeeded: Int64
    /// Whether so many operators are against it now that it can never take effect.
    public let isClosed: Bool

    public init(action: DigestText, words: String, signed: [SiteName], operatorsNeeded: Int64, isClosed: Bool) {
        self.action = action
        self.words = words
        self.signed = signed
        self.operatorsNeeded = operatorsNeeded
        self.isClosed = isClosed
    }
}

/// `proposal.history`: what was decided, the newest first: actions that versions carry, by the ledger, and proposals that
/// ended without effect, as far as this site saw it.
public struct ProposalHistoryRequest: ControlMethod {
    /// At most so many, 1 to 50.
    public let count: Int64
    /// The highest version wanted; the head where it is absent.
    public let from: Int64?

    public typealias Response = ProposalHistory
    public static let schema = MethodSchema(
        "proposal.history", role: .auditor,
        fields: [
            FieldSchema("count", .integer(1...50)),
            FieldSchema("from", .integer(0...ControlSchema.integerLimit), isOptional: true),
        ])

    public init(count: Int64, from: Int64? = nil) {
        self.count = count
        self.from = from
    }
}

/// A page of decisions.
public struct ProposalHistory: Codable, Hashable, Sendable {
    public let decisions: [ProposalDecision]
    /// The version to go on from; absent at the beginning of the chain.
    public let next: Int64?

    public init(decisions: [ProposalDecision], next: Int64?) {
        self.decisions = decisions
        self.next = next
    }
}

/// What became of one proposal, and who decided it.
public struct ProposalDecision: Codable, Hashable, Sendable {
    /// The version that carries it, or the head when it ended.
    public let height: Int64
    public let action: DigestText
    public let kind: VersionResponse.Action
    public let words: String
    public let comment: String
    public let end: End
    /// Operators that signed it, by ascending name; at most `signedMaximum`.
    public let signed: [SiteName]
    public let against: [ProposalOpinion]
    /// When this site saw it end: seconds since 1970 by its machine's clock. Absent for what only the ledger tells.
    public let at: Int64?

    public static let signedMaximum = 64

    public enum End: String, Codable, Hashable, Sendable, CaseIterable {
        /// A version carries it.
        case taken
        case withdrawn
        case rejected
        /// Its window passed, its number was used, or its signers left.
        case ended
    }

    public init(
        height: Int64, action: DigestText, kind: VersionResponse.Action, words: String, comment: String, end: End,
        signed: [SiteName], against: [ProposalOpinion], at: Int64? = nil
    ) {
        self.height = height
        self.action = action
        self.kind = kind
        self.words = words
        self.comment = comment
        self.end = end
        self.signed = signed
        self.against = against
        self.at = at
    }
}
