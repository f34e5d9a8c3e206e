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

/// What actions are numbered by: an action's sequence number is above that of every earlier one on the same subject.
public enum GovernanceSubject: Hashable, Sendable {
    case member(MemberID)
    case rules
    case history
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

    /// What it is about.
    public var subject: GovernanceSubject {
        switch self {
        case .admit(let member), .rotate(let member): .member(member.id)
        case .remove(let member): .member(member)
        case .rules: .rules
        case .revert, .switchToReplay: .history
        }
    }

    /// Whether it gives another member set, so that a quorum of that set must be ready for it.
    public var changesMembers: Bool {
        switch self {
        case .admit, .remove, .rotate: true
        case .rules, .revert, .switchToReplay: false
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
