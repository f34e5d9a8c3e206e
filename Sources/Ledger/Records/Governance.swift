import Crypto

/// What a revert takes out of the history: one contribution, or all that name a data set.
public enum Exclusion: Record, Hashable {
    case contribution(ContributionDigest)
    /// - Parameter bindsFuture: whether contributions to come that name the data set are excluded as well.
    case dataSet(Digest, bindsFuture: Bool)

    public var cbor: CBOR {
        switch self {
        case .contribution(let digest): .record(["kind": .text("contribution"), "contribution": digest.cbor])
        case .dataSet(let digest, let bindsFuture):
            .record(["kind": .text("data-set"), "data_set": .digest(digest), "binds_future": .boolean(bindsFuture)])
        }
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        let kind = try reader.text("kind", limit: 64)
        switch kind {
        case "contribution": self = .contribution(try reader.identity("contribution"))
        case "data-set":
            self = .dataSet(try reader.digest("data_set"), bindsFuture: try reader.boolean("binds_future"))
        default: throw .unknownVariant(key: "kind", value: kind)
        }
        try reader.finish()
    }
}

/// What a governance action does. A version carries one at most.
public enum Change: Record, Hashable {
    /// With key epoch 0.
    case admit(Member)
    case remove(MemberID)
    /// The member as it is to be: new keys, a higher key epoch.
    case rotate(Member)
    case rules(Rules)
    /// From this version on, the exclusion holds; every node replays in the background.
    case revert(Exclusion, from: Height)
    /// The replayed state takes over: the digest of all exclusions, and the roots that the replay gave on `parent`.
    case switchToReplay(exclusions: Digest, parent: VersionDigest, roots: StateRoots)

    /// Whom it is about; nil where it is about the whole mesh.
    public var subject: MemberID? {
        switch self {
        case .admit(let member), .rotate(let member): member.id
        case .remove(let member): member
        case .rules, .revert, .switchToReplay: nil
        }
    }

    public var cbor: CBOR {
        switch self {
        case .admit(let member): .record(["kind": .text("admit"), "member": member.cbor])
        case .remove(let member): .record(["kind": .text("remove"), "member": member.cbor])
        case .rotate(let member): .record(["kind": .text("rotate"), "member": member.cbor])
        case .rules(let rules): .record(["kind": .text("rules"), "rules": rules.cbor])
        case .revert(let exclusion, let height):
            .record(["kind": .text("revert"), "exclusion": exclusion.cbor, "from": .height(height)])
        case .switchToReplay(let exclusions, let parent, let roots):
            .record([
                "kind": .text("switch"), "exclusions": .digest(exclusions), "parent": parent.cbor, "roots": roots.cbor,
            ])
        }
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        let kind = try reader.text("kind", limit: 64)
        switch kind {
        case "admit":
            let member: Member = try reader.record("member")
            guard member.keyEpoch == 0, member.id == MemberID(firstOperatorKey: member.operatorKey) else {
                throw .outOfRange(key: "member")
            }
            self = .admit(member)
        case "remove": self = .remove(try reader.identity("member"))
        case "rotate":
            let member: Member = try reader.record("member")
            guard member.keyEpoch > 0 else { throw .outOfRange(key: "member") }
            self = .rotate(member)
        case "rules": self = .rules(try reader.record("rules"))
        case "revert": self = .revert(try reader.record("exclusion"), from: try reader.height("from"))
        case "switch":
            self = .switchToReplay(
                exclusions: try reader.digest("exclusions"), parent: try reader.identity("parent"),
                roots: try reader.record("roots"))
        default: throw .unknownVariant(key: "kind", value: kind)
        }
        try reader.finish()
    }
}

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

    public init(change: Change, sequence: UInt64, first: Height, last: Height) {
        precondition(first <= last)
        self.change = change
        self.sequence = sequence
        self.first = first
        self.last = last
    }

    public var cbor: CBOR {
        .record([
            "change": change.cbor, "sequence": .unsigned(sequence), "first": .height(first), "last": .height(last),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        change = try reader.record("change")
        sequence = try reader.unsigned("sequence")
        first = try reader.height("first")
        last = try reader.height("last")
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

/// "I am ready for the member set that this action gives." A quorum of that set must say so before it takes effect.
public struct Readiness: Statement, Hashable {
    public static let tag = "readiness"

    public let action: Digest
    /// Of the resulting member set.
    public let members: Digest

    public init(action: Digest, members: Digest) {
        self.action = action
        self.members = members
    }

    public var cbor: CBOR { .record(["action": .digest(action), "members": .digest(members)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        action = try reader.digest("action")
        members = try reader.digest("members")
        try reader.finish()
    }
}

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
