import Crypto

/// What a member gives to a site that it invites: a version of the chain that is recent and true, so that stolen retired
/// keys cannot lead a newcomer onto another fork of the same genesis, and where the mesh is reached.
public struct Invitation: Statement, Hashable {
    public static let tag = "invitation"

    /// Who is invited.
    public let invitee: MemberID
    /// Who invites: a member at `height`.
    public let inviter: Member
    public let height: Height
    public let version: VersionDigest
    public let addresses: [String]

    public init(invitee: MemberID, inviter: Member, height: Height, version: VersionDigest, addresses: [String]) {
        self.invitee = invitee
        self.inviter = inviter
        self.height = height
        self.version = version
        self.addresses = addresses
    }

    public var cbor: CBOR {
        .record([
            "invitee": invitee.cbor, "inviter": inviter.cbor, "height": .height(height), "version": version.cbor,
            "addresses": .array(addresses.map { .text($0) }),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        invitee = try reader.identity("invitee")
        inviter = try reader.record("inviter")
        height = try reader.height("height")
        version = try reader.identity("version")
        addresses = try reader.addresses("addresses")
        try reader.finish()
    }
}

/// An invitation with the inviting operator's signature: one file to send.
public struct SignedInvitation: Record, Hashable {
    public let network: NetworkID
    public let invitation: Invitation
    public let signature: Signature

    public init(_ invitation: Invitation, network: NetworkID, operatorKey: SigningKey) {
        self.network = network
        self.invitation = invitation
        signature = invitation.signature(by: operatorKey, network: network)
    }

    /// Whether the operator key that the invitation names made the signature. That the key is a member's is for the
    /// chain to show: a founder's stands in the genesis.
    public var isSigned: Bool {
        invitation.isSigned(signature, by: invitation.inviter.operatorKey, network: network)
    }

    public var cbor: CBOR {
        .record([
            "network": network.cbor, "invitation": invitation.cbor, "signature": .bytes(signature.bytes),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        invitation = try reader.record("invitation")
        signature = try reader.signature("signature")
        try reader.finish()
    }
}
