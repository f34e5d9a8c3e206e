import Crypto

/// What a member gives to a site that it invites: a version of the chain that is recent and true, so that stolen retired
/// keys cannot lead a newcomer onto another fork of the same genesis, and where the mesh is reached.
///
/// The inviting site's own daemon lets the invited site have a link only if it holds this record with the signature of the
/// site's current operator key. So no process that can merely reach the daemon can invite a stranger.
public struct Invitation: Statement, Hashable {
    public static let tag = "invitation"

    /// Who is invited, with the link key that is let in.
    public let invitee: Member
    /// Who invites: a member at `height`.
    public let inviter: Member
    /// Above that of every earlier invitation of this invitee that the daemon took, so that one that was withdrawn cannot be
    /// handed over again.
    public let sequence: UInt64
    public let height: Height
    public let version: VersionDigest
    /// The last height at which the invited site may have a link.
    public let expires: Height
    public let addresses: [String]

    /// So many versions may pass from `height` to `expires`.
    public static let versionsMaximum: UInt64 = 100_000

    public init(
        invitee: Member, inviter: Member, sequence: UInt64, height: Height, version: VersionDigest, expires: Height,
        addresses: [String]
    ) {
        self.invitee = invitee
        self.inviter = inviter
        self.sequence = sequence
        self.height = height
        self.version = version
        self.expires = expires
        self.addresses = addresses
    }

    public var cbor: CBOR {
        .record([
            "invitee": invitee.cbor, "inviter": inviter.cbor, "sequence": .unsigned(sequence),
            "height": .height(height), "version": version.cbor, "expires": .height(expires),
            "addresses": .array(addresses.map { .text($0) }),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        invitee = try reader.record("invitee")
        inviter = try reader.record("inviter")
        sequence = try reader.unsigned("sequence", in: 1...UInt64(Int64.max))
        height = try reader.height("height")
        version = try reader.identity("version")
        expires = try reader.height("expires")
        addresses = try reader.addresses("addresses")
        try reader.finish()
        guard invitee.id == MemberID(firstOperatorKey: invitee.operatorKey), invitee.keyEpoch == 0 else {
            throw .outOfRange(key: "invitee")
        }
        guard expires >= height, expires.value - height.value <= Invitation.versionsMaximum else {
            throw .outOfRange(key: "expires")
        }
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
