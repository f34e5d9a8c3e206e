import Crypto

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

/// An action with everything that it needs to take effect: what a version carries and its support names.
public struct CompleteAction: Record, Hashable {
    public let signed: SignedGovernanceAction
    /// Over the `Readiness` for the resulting member set, by members of that set; nil where the set stays as it is.
    public let readiness: QuorumSignatures?

    public init(signed: SignedGovernanceAction, readiness: QuorumSignatures? = nil) {
        self.signed = signed
        self.readiness = readiness
    }

    public var action: GovernanceAction { signed.action }

    /// How a support names it: with its signatures, so that what was embedded can be checked for ever.
    public var objectDigest: Digest { Digest(DigestDomain("mesh/action-obj"), encoded) }

    public var cbor: CBOR { .record(["signed": signed.cbor, "readiness": .optional(readiness)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        signed = try reader.record("signed")
        readiness = try reader.optionalRecord("readiness")
        try reader.finish()
    }
}
