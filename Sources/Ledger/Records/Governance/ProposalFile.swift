/// A proposal on its way between machines, with what an operator without a daemon needs to judge and to sign it: an offline
/// operator key never sees a network.
///
/// Only the action's own signatures prove anything; members and rules stand as whoever exported them says.
public struct ProposalFile: Record, Hashable {
    public let network: NetworkID
    /// The height that was being agreed on.
    public let height: Height
    /// The set of that height.
    public let members: MemberSet
    /// The rules of that height.
    public let rules: Rules
    public let signed: SignedGovernanceAction

    public init(
        network: NetworkID, height: Height, members: MemberSet, rules: Rules, signed: SignedGovernanceAction
    ) {
        self.network = network
        self.height = height
        self.members = members
        self.rules = rules
        self.signed = signed
    }

    public var cbor: CBOR {
        .record([
            "network": network.cbor, "height": .height(height), "members": members.cbor, "rules": rules.cbor,
            "signed": signed.cbor,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        height = try reader.height("height")
        members = try reader.record("members")
        rules = try reader.record("rules")
        signed = try reader.record("signed")
        try reader.finish()
    }
}
