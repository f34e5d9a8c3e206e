/// `invite`: lets the daemon of a site that is no member have a link to this daemon, until it is withdrawn.
public struct Invite: ControlMethod {
    /// The site's card with both of its signatures: a record.
    public let card: RecordText

    public static let cardBytesMaximum = 4 << 10

    public typealias Response = Invited
    public static let schema = MethodSchema(
        "invite", role: .operator, fields: [FieldSchema("card", .record(maximumBytes: cardBytesMaximum))])

    public init(card: RecordText) {
        self.card = card
    }
}

/// What stands in an invitation.
public struct Invited: Codable, Hashable, Sendable {
    public let network: DigestText
    /// This site: a record.
    public let inviter: RecordText
    /// Of the newest certified version.
    public let height: Int64
    /// Its digest.
    public let version: DigestText
    /// Where this site is reached, as it announces itself.
    public let addresses: [String]

    public init(network: DigestText, inviter: RecordText, height: Int64, version: DigestText, addresses: [String]) {
        self.network = network
        self.inviter = inviter
        self.height = height
        self.version = version
        self.addresses = addresses
    }
}

/// `invite.withdraw`: an invited site that is no member may have no link any more.
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
