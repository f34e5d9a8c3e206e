import Crypto

/// What a member holds that the next version should list. One a height.
public struct Ready: Statement, Hashable {
    public static let tag = "ready"

    public let height: Height
    public let parent: VersionDigest
    /// Eligible slots whose availability certificates the signer holds durably, strictly ascending.
    public let slots: [Slot]
    /// Governance actions, by `GovernanceAction.digest`, that the signer holds complete and that are valid on `parent`;
    /// strictly ascending.
    public let actions: [Digest]
    /// Vetoes and approvals that the signer holds and that no version embeds yet, whoever's they are; strictly ascending.
    public let reviews: [SignedReview]
    /// What the signer's own replay of the history without the excluded contributions, through `parent`, gave; nil while
    /// no revert is pending or the replay has not come so far.
    public let replayed: StateRoots?

    public init(
        height: Height, parent: VersionDigest, slots: [Slot], actions: [Digest] = [], reviews: [SignedReview] = [],
        replayed: StateRoots? = nil
    ) {
        self.height = height
        self.parent = parent
        self.slots = slots.sorted()
        self.actions = actions.sorted()
        self.reviews = reviews.sorted()
        self.replayed = replayed
    }

    public var cbor: CBOR {
        .record([
            "height": .height(height), "parent": parent.cbor, "slots": .records(slots), "actions": .digests(actions),
            "reviews": .records(reviews), "replayed": .optional(replayed),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        height = try reader.height("height")
        parent = try reader.identity("parent")
        slots = try reader.ascendingSlots("slots")
        actions = try reader.ascendingDigests("actions", limit: Limits.readyActions)
        reviews = try reader.records("reviews", limit: Limits.readyReviews)
        replayed = try reader.optionalRecord("replayed")
        try reader.finish()
        for (left, right) in zip(reviews, reviews.dropFirst()) where left >= right {
            throw .notAscending(key: "reviews")
        }
    }
}

/// A leader's proposal for a view. The payload travels beside it.
public struct Proposal: Statement, Hashable {
    public static let tag = "proposal"

    public let height: Height
    public let view: View
    public let version: VersionDigest
    /// The view in which the payload was notarized, or `View.none` for a fresh one.
    public let reproposed: View

    public init(height: Height, view: View, version: VersionDigest, reproposed: View) {
        self.height = height
        self.view = view
        self.version = version
        self.reproposed = reproposed
    }

    public var cbor: CBOR {
        .record([
            "height": .height(height), "view": .view(view), "version": version.cbor, "reproposed": .view(reproposed),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        height = try reader.height("height")
        view = try reader.view("view", from: .first)
        version = try reader.identity("version")
        reproposed = try reader.view("reproposed", from: .none)
        try reader.finish()
        guard reproposed < view else { throw .outOfRange(key: "reproposed") }
    }
}

/// What a version rests on besides its manifest: so that an auditor can check inclusion too.
public struct Support: Statement, Hashable {
    public static let tag = "support"

    /// Digests of the embedded ready records (with their signatures), strictly ascending.
    public let ready: [Digest]
    /// Digests of the `ClosingNames` on which the listed contributions rest, one a round, strictly ascending.
    public let closings: [Digest]
    /// Digest of the `CompleteAction` that the version carries, signatures and readiness included; nil where it carries
    /// none, or the switch to a replay, which follows from the ready records.
    public let action: Digest?

    public init(ready: [Digest], closings: [Digest] = [], action: Digest? = nil) {
        self.ready = ready.sorted()
        self.closings = closings.sorted()
        self.action = action
    }

    public var cbor: CBOR {
        .record([
            "ready": .digests(ready), "closings": .digests(closings), "action": action.map { .digest($0) } ?? .null,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        ready = try reader.ascendingDigests("ready", limit: Limits.members)
        closings = try reader.ascendingDigests("closings", limit: Limits.closings)
        action = try reader.optionalDigest("action")
        try reader.finish()
    }
}

extension Signed where Body == Ready {
    /// How a support names this record: with its signature, so that what was embedded can be checked for ever.
    public var objectDigest: Digest { Digest(DigestDomain("mesh/ready-obj"), encoded) }
}

extension RecordReader {
    mutating func ascendingSlots(_ key: String) throws(RecordError) -> [Slot] {
        let slots: [Slot] = try records(key, limit: Limits.slots)
        for (left, right) in zip(slots, slots.dropFirst()) where left >= right { throw .notAscending(key: key) }
        return slots
    }
}
