/// `governance`: what a new action or review must fit: the network, the rules, the next free number.
public struct GovernanceRequest: ControlMethod {
    /// What the action is about.
    public let subject: Subject
    /// Where it is about a member: the member's id.
    public let member: DigestText?

    public enum Subject: String, Codable, Hashable, Sendable, CaseIterable {
        case member
        case rules
        case history
    }

    public typealias Response = GovernanceState
    public static let schema = MethodSchema(
        "governance", role: .auditor,
        fields: [
            FieldSchema("subject", .enumeration(Subject.allCases.map(\.rawValue))),
            FieldSchema("member", .digest, isOptional: true),
        ])

    public init(subject: Subject, member: DigestText? = nil) {
        self.subject = subject
        self.member = member
    }
}

/// Where governance stands at this site's head.
public struct GovernanceState: Codable, Hashable, Sendable {
    public let network: DigestText
    /// This site's id.
    public let site: DigestText
    /// The height that is being agreed on: the first that an action can take effect in.
    public let height: Int64
    /// The lowest number that no action on the subject has used.
    public let sequence: Int64
    /// The rules in force: a record.
    public let rules: RecordText

    public init(network: DigestText, site: DigestText, height: Int64, sequence: Int64, rules: RecordText) {
        self.network = network
        self.site = site
        self.height = height
        self.sequence = sequence
        self.rules = rules
    }
}

/// `proposal.submit`: hands over a governance action with the operator signatures that were collected; the daemon checks
/// it, keeps it and passes it on.
public struct ProposalSubmit: ControlMethod {
    /// The signed action: a record.
    public let proposal: RecordText
    /// Only checks: then it need not be signed yet, and nothing is kept or passed on.
    public let isCheck: Bool

    public static let proposalBytesMaximum = 64 << 10

    public typealias Response = ProposalChecked
    public static let schema = MethodSchema(
        "proposal.submit", role: .operator,
        fields: [
            FieldSchema("proposal", .record(maximumBytes: proposalBytesMaximum)), FieldSchema("isCheck", .boolean),
        ])

    public init(proposal: RecordText, isCheck: Bool) {
        self.proposal = proposal
        self.isCheck = isCheck
    }
}

/// What an action would do, found by the daemon on its head.
public struct ProposalChecked: Codable, Hashable, Sendable {
    public let action: DigestText
    public let words: String
    public let before: MeshFigures
    public let after: MeshFigures
    /// Operators whose signature it has.
    public let signed: [SiteName]
    public let operatorsNeeded: Int64

    public init(
        action: DigestText, words: String, before: MeshFigures, after: MeshFigures, signed: [SiteName],
        operatorsNeeded: Int64
    ) {
        self.action = action
        self.words = words
        self.before = before
        self.after = after
        self.signed = signed
        self.operatorsNeeded = operatorsNeeded
    }
}

/// The numbers that a member set stands for.
public struct MeshFigures: Codable, Hashable, Sendable {
    /// n
    public let members: Int64
    /// f: how many may be Byzantine.
    public let faultBound: Int64
    /// q: signatures that a certificate takes.
    public let quorum: Int64
    /// Operators that must sign an action.
    public let operatorsNeeded: Int64

    public init(members: Int64, faultBound: Int64, quorum: Int64, operatorsNeeded: Int64) {
        self.members = members
        self.faultBound = faultBound
        self.quorum = quorum
        self.operatorsNeeded = operatorsNeeded
    }
}

/// `proposals`: the actions that are proposed and not in force, by ascending digest.
public struct ProposalsRequest: ControlMethod {
    /// At most so many.
    public let count: Int64
    /// Only those after this one.
    public let after: DigestText?

    public typealias Response = ProposalsResponse
    public static let schema = MethodSchema(
        "proposals", role: .auditor,
        fields: [FieldSchema("count", .integer(1...20)), FieldSchema("after", .digest, isOptional: true)])

    public init(count: Int64, after: DigestText? = nil) {
        self.count = count
        self.after = after
    }
}

/// A page of proposals.
public struct ProposalsResponse: Codable, Hashable, Sendable {
    /// The height that is being agreed on.
    public let height: Int64
    public let proposals: [ProposalSummary]
    /// Of all, this page's included.
    public let total: Int64

    public init(height: Int64, proposals: [ProposalSummary], total: Int64) {
        self.height = height
        self.proposals = proposals
        self.total = total
    }
}

/// One proposal, and what it still lacks.
public struct ProposalSummary: Codable, Hashable, Sendable {
    public let action: DigestText
    public let kind: VersionResponse.Action
    /// What it does, for people.
    public let words: String
    public let sequence: Int64
    /// The heights that may carry it.
    public let first: Int64
    public let last: Int64
    /// Operators that have signed, by ascending name.
    public let signed: [SiteName]
    /// Operators that have not.
    public let missing: [SiteName]
    public let operatorsNeeded: Int64
    /// Whether the owner of new keys has signed with them; absent where no key is new.
    public let isPossessionSigned: Bool?
    /// Sites of the resulting set that are ready for it.
    public let ready: [SiteName]
    /// Sites of the resulting set that are not; empty where the set stays as it is.
    public let notReady: [SiteName]
    /// 0 where the set stays as it is.
    public let readyNeeded: Int64
    /// Why it cannot take effect as things are, for people; absent where it can.
    public let fault: String?
    /// What its proposer says about it; empty where nothing.
    public let comment: String
    /// Operators that took their signature back, or reject it, by ascending name: none of them can sign it any more.
    public let against: [ProposalOpinion]
    /// Whether so many are against it that it can never take effect.
    public let isClosed: Bool

    public init(
        action: DigestText, kind: VersionResponse.Action, words: String, sequence: Int64, first: Int64, last: Int64,
        signed: [SiteName], missing: [SiteName], operatorsNeeded: Int64, isPossessionSigned: Bool? = nil,
        ready: [SiteName], notReady: [SiteName], readyNeeded: Int64, fault: String? = nil, comment: String = "",
        against: [ProposalOpinion] = [], isClosed: Bool = false
    ) {
        self.comment = comment
        self.against = against
        self.isClosed = isClosed
        self.action = action
        self.kind = kind
        self.words = words
        self.sequence = sequence
        self.first = first
        self.last = last
        self.signed = signed
        self.missing = missing
        self.operatorsNeeded = operatorsNeeded
        self.isPossessionSigned = isPossessionSigned
        self.ready = ready
        self.notReady = notReady
        self.readyNeeded = readyNeeded
        self.fault = fault
    }
}

/// `proposal`: one proposal in full.
public struct ProposalRequest: ControlMethod {
    public let action: DigestText

    public typealias Response = ProposalResponse
    public static let schema = MethodSchema(
        "proposal", role: .auditor, fields: [FieldSchema("action", .digest)])

    public init(action: DigestText) {
        self.action = action
    }
}

/// A proposal with what it changes, and as a record to sign.
public struct ProposalResponse: Codable, Hashable, Sendable {
    public let summary: ProposalSummary
    public let before: MeshFigures
    /// Absent where it cannot take effect.
    public let after: MeshFigures?
    /// The signed action: a record.
    public let proposal: RecordText

    public init(summary: ProposalSummary, before: MeshFigures, after: MeshFigures? = nil, proposal: RecordText) {
        self.summary = summary
        self.before = before
        self.after = after
        self.proposal = proposal
    }
}
