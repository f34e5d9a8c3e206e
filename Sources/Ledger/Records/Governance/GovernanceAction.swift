import Crypto

/// A governance action, signed by operator keys. It names a window of heights and a number, so that nothing old can be
/// replayed.
public struct GovernanceAction: Statement, Hashable {
    public static let tag = "action"

    public let change: Change
    /// Grows with every action on the same subject.
    public let sequence: UInt64
    /// The first and the last height whose version may carry it.
    public let first: Height
    public let last: Height
    /// What its proposer says about it.
    public let comment: Comment

    public init(change: Change, sequence: UInt64, first: Height, last: Height, comment: Comment = .none) {
        precondition(first <= last)
        self.comment = comment
        self.change = change
        self.sequence = sequence
        self.first = first
        self.last = last
    }

    public var cbor: CBOR {
        .record([
            "change": change.cbor, "sequence": .unsigned(sequence), "first": .height(first), "last": .height(last),
            "comment": comment.cbor,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        change = try reader.record("change")
        sequence = try reader.unsigned("sequence")
        first = try reader.height("first")
        last = try reader.height("last")
        comment = try reader.comment("comment")
        try reader.finish()
        guard first <= last else { throw .outOfRange(key: "last") }
    }
}

/// One operator's signature under an action, with the epoch of the key that made it.
public struct OperatorSignature: Record, Hashable {
    public let signer: MemberID
    public let keyEpoch: UInt32
    public let signature: Signature

    public init(signer: MemberID, keyEpoch: UInt32, signature: Signature) {
        self.signer = signer
        self.keyEpoch = keyEpoch
        self.signature = signature
    }

    public var cbor: CBOR {
        .record([
            "signer": signer.cbor, "key_epoch": .unsigned(UInt64(keyEpoch)), "signature": .bytes(signature.bytes),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        signer = try reader.identity("signer")
        keyEpoch = try reader.unsigned32("key_epoch")
        signature = try reader.signature("signature")
        try reader.finish()
    }
}

/// An action with the signatures that were collected for it.
public struct SignedGovernanceAction: Record, Hashable {
    public let action: GovernanceAction
    /// By ascending signer, one each.
    public let operators: [OperatorSignature]
    /// The new node key's signature over the action: proof that its owner has it. Nil where no key is new.
    public let possession: Signature?

    public init(action: GovernanceAction, operators: [OperatorSignature], possession: Signature? = nil) {
        self.action = action
        self.operators = operators.sorted { $0.signer < $1.signer }
        self.possession = possession
    }

    /// The operators of `members` whose current key signed the action, by ascending id.
    public func signers(in members: MemberSet, network: NetworkID) -> [MemberID] {
        operators.compactMap { signature in
            guard let member = members[signature.signer], member.keyEpoch == signature.keyEpoch,
                action.isSigned(signature.signature, by: member.operatorKey, network: network)
            else { return nil }
            return member.id
        }
    }

    public var cbor: CBOR {
        .record([
            "action": action.cbor, "operators": .records(operators),
            "possession": possession.map { .bytes($0.bytes) } ?? .null,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        action = try reader.record("action")
        operators = try reader.records("operators", limit: Limits.members)
        possession = try reader.optionalSignature("possession")
        try reader.finish()
        for (left, right) in zip(operators, operators.dropFirst()) where left.signer >= right.signer {
            throw .notAscending(key: "operators")
        }
    }
}

extension RecordReader {
    mutating func optionalSignature(_ key: String) throws(RecordError) -> Signature? {
        switch try value(key) {
        case .null: return nil
        case .bytes(let bytes):
            guard let signature = Signature(bytes: bytes) else { throw .wrongType(key: key) }
            return signature
        default: throw .wrongType(key: key)
        }
    }
}
