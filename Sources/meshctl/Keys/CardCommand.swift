import ArgumentParser
import Control
import Crypto
import EventLoop
import Ledger
import SiteFiles

struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card", abstract: "Show a site's public card, or sign it again with other addresses.",
        discussion: """
            Prints the card as text that can be sent by mail. With --address it is signed again first. A card has the keys \
            with which a site is admitted. Where the daemon answers, or a ledger is given with the genesis file, the keys \
            that the member has now are shown, and whether the card is out of date.
            """)

    @Option(help: ArgumentHelp("The site's directory of keys.", valueName: "dir"))
    var key: String?

    @Option(help: ArgumentHelp("A card file, for instance one that was received.", valueName: "file"))
    var card: String?

    @Option(help: ArgumentHelp("host:port where other sites reach this one; may be repeated.", valueName: "host:port"))
    var address: [String] = []

    @Option(help: ArgumentHelp("Write the card to this file too.", valueName: "file"))
    var out: String?

    @Option(help: ArgumentHelp("The genesis file, for --ledger.", valueName: "file"))
    var genesis: String?

    @OptionGroup var newest: LedgerOption
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var passphrase: PassphraseOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (newest.ledger == nil) == (genesis == nil) else {
            throw ValidationError("--ledger and --genesis go together.")
        }
        guard (key == nil) != (card == nil) else { throw ValidationError("Give --key DIR or --card FILE.") }
        guard address.isEmpty || key != nil else {
            throw ValidationError("--address needs --key: the card is signed anew.")
        }
    }

    func run() throws {
        try CardCommand.check(addresses: address)
        let path = card ?? KeyDirectory(key ?? "").card
        var signed = try SignedCard.read(path)
        let member = try current(of: signed.card.member.id)
        if let key, !address.isEmpty {
            let directory = KeyDirectory(key)
            if let member, member.keyEpoch > 0 {
                throw Failure(
                    "\(member.name) is a member with rotated keys, of epoch \(member.keyEpoch): its card is of no use any more",
                    advice: "Other sites learn a member's addresses from its daemon: set [mesh] announce.")
            }
            guard try directory.publicKeyBytes(.operatorKey) == signed.card.member.operatorKey.bytes else {
                throw Failure(
                    "\(directory.operatorKey) is not the operator key of the card: with another one it would be another site's",
                    advice: "Was the operator key rotated? Then the members know the new one already.")
            }
            guard let linkKey = LinkPublicKey(bytes: try directory.publicKeyBytes(.linkKey)) else {
                preconditionFailure("a key file has 32 public bytes")
            }
            signed = SignedCard.make(
                site: signed.card.member.name, addresses: address,
                operatorKey: try directory.signingKey(.operatorKey, passphrase),
                nodeKey: try directory.signingKey(.nodeKey, passphrase), linkKey: linkKey)
            try OutputFile.write(Armour.encode(signed, as: Armour.card), to: path)
        }
        let armour = Armour.encode(signed, as: Armour.card)
        if let out { try OutputFile.write(armour, to: out) }
        let report = CardReport(signed, current: member, path: path)
        try output.print(report) { report.text + "\n\n" + armour.dropLast() }
    }

    /// The member as the newest set has it; nil where it is in none, or nothing could be asked.
    private func current(of id: MemberID) throws -> Ledger.Member? {
        if let ledger = newest.ledger, let genesis {
            return try NewestMembers(ledger: ledger, GenesisFile.readComplete(genesis).genesis).members[id]
        }
        if daemon.socket != nil || daemon.config != nil {
            return try daemon.connect().ask(MembersRequest()).memberSet()[id]
        }
        // A daemon that happens to run here is asked; without one the card is all there is.
        return (try? daemon.connect().ask(MembersRequest()).memberSet())?[id]
    }

    static func check(addresses: [String]) throws {
        guard addresses.count <= Limits.addresses else {
            throw Failure("a card has at most \(Limits.addresses) addresses")
        }
        for address in addresses {
            guard SocketAddress.split(address) != nil, address.utf8.count <= Limits.addressBytes,
                address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { throw Failure("\"\(address)\" is no address", advice: "Use host:port or [IPv6]:port.") }
        }
    }
}

/// A card as `--json` shows it.
struct CardReport: Encodable {
    let site: String
    let member: String
    let operatorKey: String
    let nodeKey: String
    let linkKey: String
    let addresses: [String]
    let path: String
    /// How often the member's keys were rotated; absent where it is no member, or nothing could be asked.
    let keyEpoch: UInt32?
    /// Whether the keys shown are newer than those of the card.
    let isCardOutdated: Bool

    /// - Parameter current: the member as the newest set has it.
    init(_ card: SignedCard, current: Ledger.Member? = nil, path: String) {
        let member = current ?? card.card.member
        keyEpoch = current?.keyEpoch
        isCardOutdated = current.map { $0 != card.card.member } ?? false
        site = member.name
        self.member = member.id.description
        operatorKey = member.operatorKey.description
        nodeKey = member.nodeKey.description
        linkKey = member.linkKey.description
        addresses = card.card.addresses
        self.path = path
    }

    var text: String {
        var table = Table()
        table.append("site", site)
        table.append("member", member)
        if let keyEpoch { table.append("key epoch", "\(keyEpoch), by the newest member set") }
        table.append("operator key", operatorKey)
        table.append("node key", nodeKey)
        table.append("link key", linkKey)
        table.append("addresses", addresses.isEmpty ? "none: this site only dials" : addresses.joined(separator: " "))
        let outdated =
            "These are the keys that the members know now. The card below has older ones: it served to admit the site."
        return table.rendered() + (isCardOutdated ? "\n\n\(outdated)" : "")
    }
}
