/// `invitation`: what the next invitation of a site must say, before this site's operator signs it.
public struct InvitationRequest: ControlMethod {
    /// The id of the site that is to be invited.
    public let member: DigestText

    public typealias Response = InvitationDraft
    public static let schema = MethodSchema(
        "invitation", role: .auditor, fields: [FieldSchema("member", .digest)])

    public init(member: DigestText) {
        self.member = member
    }
}

/// What stands in an invitation besides the invited site.
public struct InvitationDraft: Codable, Hashable, Sendable {
    public let network: DigestText
    /// This site: a record.
    public let inviter: RecordText
    /// The lowest number that the daemon takes for this invited site.
    public let sequence: Int64
    /// Of the newest certified version.
    public let height: Int64
    /// Its digest.
    public let version: DigestText
    /// Where this site is reached, as it announces itself.
    public let addresses: [String]

    public init(
        network: DigestText, inviter: RecordText, sequence: Int64, height: Int64, version: DigestText,
        addresses: [String]
    ) {
        self.network = network
        self.inviter = inviter
        self.sequence = sequence
        self.height = height
        self.version = version
        self.addresses = addresses
    }
}

/// `invite`: lets the daemon of a site that is no member have a link to this daemon, until the invitation expires or is
/// withdrawn.
public struct Invite: ControlMethod {
    /// The invitation with the signature of this site's operator key: a record.
    public let invitation: RecordText

    public static let invitationBytesMaximum = 4 << 10

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "invite", role: .operator,
        fields: [FieldSchema("invitation", .record(maximumBytes: invitationBytesMaximum))])

    public init(invitation: RecordText) {
        self.invitation = invitation
    }
}

/// `invite.withdraw`: an invited site that is no member may have no link any more. It takes a right away and needs no
/// signature: an operator without the key at hand can still shut a site out.
public struct InviteWithdraw: ControlMethod {
    /// Its id.
    public let member: DigestText

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "invite.withdraw", role: .operator, fields: [FieldSchema("member", .digest)])

    public init(member: DigestText) {
        self.member = member
    }
}
