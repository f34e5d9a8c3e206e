import Crypto

/// What an operator says about a contribution under review.
public enum ReviewVerdict: String, Sendable, Hashable, CaseIterable {
    case veto
    case approve
}

/// An operator's veto or approval of the contribution in a slot. Signed by its operator key.
public struct ReviewStatement: Statement, Hashable {
    public static let tag = "review"

    public let verdict: ReviewVerdict
    public let slot: Slot
    public let contribution: ContributionDigest

    public init(verdict: ReviewVerdict, slot: Slot, contribution: ContributionDigest) {
        self.verdict = verdict
        self.slot = slot
        self.contribution = contribution
    }

    public var cbor: CBOR {
        .record(["verdict": .variant(verdict), "slot": slot.cbor, "contribution": contribution.cbor])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        verdict = try reader.variant("verdict")
        slot = try reader.record("slot")
        contribution = try reader.identity("contribution")
        try reader.finish()
    }
}

/// A review with the operator's signature under it.
public struct SignedReview: Record, Hashable {
    public let statement: ReviewStatement
    public let signature: OperatorSignature

    public init(statement: ReviewStatement, signature: OperatorSignature) {
        self.statement = statement
        self.signature = signature
    }

    /// Whose operator says it.
    public var reviewer: MemberID { signature.signer }

    /// Whether the reviewer is in `members` and its current operator key there made the signature.
    public func isValid(in members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        guard let member = members[reviewer], member.keyEpoch == signature.keyEpoch else { return false }
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

extension SignedReview: Comparable {
    /// By slot, then by reviewer: what a ready record carries is in this order, one of a reviewer and slot.
    public static func < (left: SignedReview, right: SignedReview) -> Bool {
        left.statement.slot != right.statement.slot
            ? left.statement.slot < right.statement.slot : left.reviewer < right.reviewer
    }
}
