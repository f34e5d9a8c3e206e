import Crypto

/// What an operator says against a proposal. Either is final for this action: the operator's signature under it does not
/// count any more. To undo it, propose it again: a new action has a new digest.
public enum ProposalVerdict: String, Sendable, Hashable, CaseIterable {
    /// The operator takes back its own signature.
    case withdraw
    /// The operator will not sign, and takes back its signature where it gave one.
    case reject
}

/// An operator's verdict on the action of this digest. Signed by its operator key.
public struct ProposalVerdictStatement: Statement, Hashable {
    public static let tag = "proposal-verdict"

    public let verdict: ProposalVerdict
    public let action: Digest
    public let comment: Comment

    public init(verdict: ProposalVerdict, action: Digest, comment: Comment = .none) {
        self.verdict = verdict
        self.action = action
        self.comment = comment
    }

    public var cbor: CBOR {
        .record(["verdict": .variant(verdict), "action": .digest(action), "comment": comment.cbor])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        verdict = try reader.variant("verdict")
        action = try reader.digest("action")
        comment = try reader.comment("comment")
        try reader.finish()
    }
}

/// A verdict with the operator's signature.
public struct SignedProposalVerdict: Record, Hashable {
    public let statement: ProposalVerdictStatement
    public let signature: OperatorSignature

    public init(statement: ProposalVerdictStatement, signature: OperatorSignature) {
        self.statement = statement
        self.signature = signature
    }

    /// Whose operator says it.
    public var signer: MemberID { signature.signer }

    /// Whether the signer is in `members` and its current operator key there made the signature.
    public func isValid(in members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        guard let member = members[signer], member.keyEpoch == signature.keyEpoch else { return false }
        return verifier.isSigned(signature.signature, over: statement, by: member.operatorKey, network: network)
    }

    public var cbor: CBOR { .record(["statement": statement.cbor, "signature": signature.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        statement = try reader.record("statement")
        signature = try reader.record("signature")
        try reader.finish()
    }
}

/// A verdict with the action that it is about: its receiver needs nothing else to keep it.
public struct JudgedProposal: Record, Hashable {
    public let action: GovernanceAction
    public let verdict: SignedProposalVerdict

    public init(action: GovernanceAction, verdict: SignedProposalVerdict) {
        precondition(verdict.statement.action == action.digest)
        self.action = action
        self.verdict = verdict
    }

    public var cbor: CBOR { .record(["action": action.cbor, "verdict": verdict.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        action = try reader.record("action")
        verdict = try reader.record("verdict")
        try reader.finish()
        guard verdict.statement.action == action.digest else { throw .outOfRange(key: "verdict") }
    }
}
