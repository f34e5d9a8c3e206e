import JSON

/// Who may call a method. Each role has a socket of its own, with its own file mode and group: the socket decides the role
/// of a connection, the client does not.
public enum ControlRole: String, Codable, Hashable, Sendable, CaseIterable {
    /// A program that trains: it may attach, fetch bases and hand over contributions.
    case trainer
    /// A person or a script that reads, or hands over what an operator signed.
    case `operator`
    /// A person or a script that only reads.
    case auditor

    /// Whether a connection of this role may call a method of `role`. An operator may also call what auditors may.
    public func mayCall(methodOf role: ControlRole) -> Bool { self == role || (self == .operator && role == .auditor) }
}

/// Which way a message goes.
public enum ControlDirection: String, Hashable, Sendable {
    /// A request toward the daemon, answered by a response.
    case towardDaemon = "toward-daemon"
    /// A notification from the daemon, not answered.
    case fromDaemon = "from-daemon"
}

/// One field of a request.
public struct FieldSchema: Hashable, Sendable {
    public let name: String
    public let kind: FieldKind
    /// Whether the field may be left out.
    public let isOptional: Bool

    init(_ name: String, _ kind: FieldKind, isOptional: Bool = false) {
        self.name = name
        self.kind = kind
        self.isOptional = isOptional
    }
}

/// One method of the control socket.
public struct MethodSchema: Hashable, Sendable {
    public let name: String
    public let direction: ControlDirection
    /// The role with the fewest rights that may call it: `auditor` for a method that only reads.
    public let role: ControlRole
    public let fields: [FieldSchema]
    /// The kinds of tensor frames that belong to the method, in the direction that each kind has.
    public let frames: [TensorFrameKind]

    init(
        _ name: String, _ direction: ControlDirection = .towardDaemon, role: ControlRole, fields: [FieldSchema] = [],
        frames: [TensorFrameKind] = []
    ) {
        self.name = name
        self.direction = direction
        self.role = role
        self.fields = fields
        self.frames = frames
    }

    /// Checks the members of `params` against the fields.
    /// - Throws: `ControlError.invalidParameters` with the first field that is wrong.
    func check(_ parameters: JSONValue?) throws(ControlError) {
        let members: [JSONMember]
        switch parameters {
        case nil: members = []
        case .object(let given)?: members = given
        default: throw .invalidParameters(method: name, problem: .notAnObject)
        }
        for member in members {
            guard let field = fields.first(where: { member.isNamed($0.name) }) else {
                throw .invalidParameters(method: name, problem: .unknownField)
            }
            guard field.kind.accepts(member.value) else {
                throw .invalidParameters(method: name, problem: .wrongValue(field: field.name))
            }
        }
        for field in fields where !field.isOptional {
            guard members.contains(where: { $0.isNamed(field.name) }) else {
                throw .invalidParameters(method: name, problem: .missingField(field.name))
            }
        }
    }
}

/// Everything that the control socket speaks. The decoder of requests works from this very table: a field that does
/// not stand here cannot reach the daemon.
public enum ControlSchema {
    /// The version of the schema that both sides name in `trainer.attach`.
    public static let protocolVersion: Int64 = 2
    /// JSON readers of other languages keep whole numbers exact up to here (RFC 8259 section 6).
    public static let integerLimit: Int64 = (1 << 53) - 1

    /// All methods, those of trainers first.
    public static let methods: [MethodSchema] =
        [
            TrainerAttach.schema, TrainerBase.schema, TrainerContributeBegin.schema, TrainerContributeCommit.schema,
            TrainerContributeAbort.schema, TrainerTroubleReport.schema, RoundVersion.schema,
            RoundClosing.schema,
            StatusRequest.schema, PeersRequest.schema, MembersRequest.schema, RulesRequest.schema,
            VersionsRequest.schema, VersionRequest.schema, ContributionsRequest.schema, RoundsRequest.schema,
            LedgerExportBegin.schema, ParametersExportBegin.schema, DoctorRequest.schema,
            GovernanceRequest.schema, ProposalSubmit.schema, ProposalsRequest.schema, ProposalRequest.schema,
            ReviewSubmit.schema, ReviewsRequest.schema, ContributionExportBegin.schema, InvitationRequest.schema,
            Invite.schema, InviteWithdraw.schema,
            EvidenceRequest.schema, EvidenceExportBegin.schema, RevertPreviewRequest.schema,
            ProposalJudge.schema, ProposalHistoryRequest.schema,
            DataSetsRequest.schema, ContributionsFind.schema,
        ]

    /// The method of that name, nil where there is none.
    public static func method(_ name: String) -> MethodSchema? {
        methods.first { $0.name.utf8.elementsEqual(name.utf8) }
    }
}
