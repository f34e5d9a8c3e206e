import ArgumentParser
import Control
import Crypto
import Ledger
import SiteFiles

struct InviteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Let a site that is no member follow the mesh, and write its invitation.",
        discussion: """
            This site's daemon lets the daemon of the invited site link to it, and to no other member: it follows the chain \
            and signs nothing. It does so only with an invitation that this site's operator key has signed. The invitation \
            names a recent version, so that stolen retired keys cannot lead the newcomer onto another fork, and the version \
            after which it has no effect. Admit the site with: meshctl propose admit CARD.
            """)

    @Argument(help: "The site's card; with --withdraw its name or the first digits of its id.")
    var card: String

    @Flag(help: "Take an invitation back: the site may have no link any more.")
    var withdraw = false

    @Option(
        help: ArgumentHelp(
            "Where the mesh is reached (default: as this site announces itself).", valueName: "host:port"))
    var address: [String] = []

    @Option(
        help: ArgumentHelp(
            "How many versions the invitation lasts, 1 to 100000; a member needs none.", valueName: "versions"))
    var lasts: UInt64 = 1000

    @Option(help: ArgumentHelp("The invitation (default: NAME.invitation).", valueName: "file"))
    var out: String?

    @OptionGroup var operatorKey: OperatorKeyOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    struct Report: Encodable {
        let site: String
        let member: String
        let network: String
        let inviter: String
        let height: UInt64
        let version: String
        let expires: UInt64
        let addresses: [String]
        let path: String
    }

    func run() throws {
        if withdraw { return try withdrawInvitation() }
        try CardCommand.check(addresses: address)
        guard (1...Invitation.versionsMaximum).contains(lasts) else {
            throw Failure("--lasts \(lasts) must be from 1 to \(Invitation.versionsMaximum)")
        }
        let card = try SignedCard.read(card)
        let connection = try daemon.connect()
        let governance = try GovernanceClient(connection)
        let inviter = try governance.ownMember()
        let signer = try operatorKey.signer(in: governance.members, areFromDaemon: true)
        guard signer.member.id == inviter.id else {
            throw Failure(
                "the daemon is of site \(inviter.name), and the operator key is \(signer.member.name)'s",
                advice: "Only the inviting site's own daemon lets the newcomer in.")
        }
        let draft = try connection.ask(InvitationRequest(member: GovernanceClient.text(card.card.member.id.digest)))
        let height = Height(UInt64(clamping: draft.height))
        let invitation = Invitation(
            invitee: card.card.member, inviter: inviter, sequence: UInt64(clamping: draft.sequence), height: height,
            version: VersionDigest(try GovernanceClient.digest(draft.version)),
            expires: Height(min(Limits.heightMaximum, height.value + lasts)),
            addresses: address.isEmpty ? draft.addresses : address)
        guard !invitation.addresses.isEmpty else {
            throw Failure("this site announces no address", advice: "Give --address host:port.")
        }
        let signed = signer.sign(invitation, network: governance.network)
        _ = try connection.ask(Invite(invitation: GovernanceClient.text(of: signed)))
        let site = card.card.member.name
        let path = out ?? site + ".invitation"
        try OutputFile.write(Armour.encode(signed, as: Armour.invitation), to: path)
        let report = Report(
            site: site, member: invitation.invitee.id.description, network: governance.network.description,
            inviter: inviter.name, height: invitation.height.value, version: invitation.version.description,
            expires: invitation.expires.value, addresses: invitation.addresses, path: path)
        try output.print(report) {
            """
            \(site) may follow the mesh from \(inviter.name) until version \(report.expires). Its chain must contain
            version \(report.height)  \(report.version)

            Wrote \(path). Send it to \(site) with the genesis file; there:
              meshctl join --genesis FILE --invitation \(path) --key DIR --model DIR
            Then propose here: meshctl propose admit \(self.card) --key DIR
            """
        }
    }

    private func withdrawInvitation() throws {
        let connection = try daemon.connect()
        let observers = try connection.ask(MembersRequest()).observers
        let member = try DigestResolver.resolve(
            card, named: "invited site", among: observers.map { .init($0.member, $0.site.text) })
        guard let observer = observers.first(where: { $0.member == member }) else {
            preconditionFailure("the digest is one of theirs")
        }
        _ = try connection.ask(InviteWithdraw(member: observer.member))
        try output.print(observer) { "\(observer.site) is not invited any more." }
    }
}
