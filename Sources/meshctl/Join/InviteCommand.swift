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
            and signs nothing. The invitation names a recent version, signed by this site's operator, so that stolen \
            retired keys cannot lead the newcomer onto another fork. Admit it with: meshctl propose admit CARD.
            """)

    @Argument(help: "The site's card; with --withdraw its name or the first digits of its id.")
    var card: String

    @Flag(help: "Take an invitation back: the site may have no link any more.")
    var withdraw = false

    @Option(
        help: ArgumentHelp(
            "Where the mesh is reached (default: as this site announces itself).", valueName: "host:port"))
    var address: [String] = []

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
        let addresses: [String]
        let path: String
    }

    func run() throws {
        if withdraw { return try withdrawInvitation() }
        try CardCommand.check(addresses: address)
        let card = try SignedCard.read(card)
        let connection = try daemon.connect()
        let desk = try GovernanceDesk(connection)
        let inviter = try desk.ownMember()
        let signer = try operatorKey.signer(in: desk.members, areFromDaemon: true)
        guard signer.member.id == inviter.id else {
            throw Failure(
                "the daemon is of site \(inviter.name), and the operator key is \(signer.member.name)'s",
                advice: "Only the inviting site's own daemon lets the newcomer in.")
        }
        let invited = try connection.ask(Invite(card: GovernanceDesk.text(of: card)))
        let invitation = Invitation(
            invitee: card.card.member.id, inviter: inviter, height: Height(UInt64(clamping: invited.height)),
            version: VersionDigest(try GovernanceDesk.digest(invited.version)),
            addresses: address.isEmpty ? invited.addresses : address)
        guard !invitation.addresses.isEmpty else {
            throw Failure("this site announces no address", advice: "Give --address host:port.")
        }
        let signed = signer.sign(invitation, network: desk.network)
        let site = card.card.member.name
        let path = out ?? site + ".invitation"
        try DiskFile.write(Array(Armour.encode(signed, as: Armour.invitation).utf8), to: path, replacing: true)
        let report = Report(
            site: site, member: invitation.invitee.description, network: desk.network.description,
            inviter: inviter.name, height: invitation.height.value, version: invitation.version.description,
            addresses: invitation.addresses, path: path)
        try output.print(report) {
            """
            \(site) may follow the mesh from \(inviter.name) now. Its chain must contain
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
        let found = observers.filter { $0.site.text == card || $0.member.text.hasPrefix(card) }
        guard let observer = found.first, found.count == 1 else {
            throw Failure(
                found.isEmpty ? "nobody is invited as \(card)" : "\(found.count) invited sites are called \(card)",
                advice: "Invited are: \(Words.list(observers.map(\.site.text)))")
        }
        _ = try connection.ask(InviteWithdraw(member: observer.member))
        try output.print(observer) { "\(observer.site) is not invited any more." }
    }
}
