import ArgumentParser
import Crypto
import EventLoop
import Ledger
import SiteFiles

struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card", abstract: "Show a site's public card, or sign it again with other addresses.",
        discussion: "Prints the card as text that can be sent by mail. With --address it is signed anew first.")

    @Option(help: ArgumentHelp("The site's directory of keys.", valueName: "dir"))
    var key: String?

    @Option(help: ArgumentHelp("A card file, for instance one that was received.", valueName: "file"))
    var card: String?

    @Option(help: ArgumentHelp("host:port where other sites reach this one; may be repeated.", valueName: "host:port"))
    var address: [String] = []

    @Option(help: ArgumentHelp("Write the card to this file too.", valueName: "file"))
    var out: String?

    @OptionGroup var passphrase: PassphraseOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (key == nil) != (card == nil) else { throw ValidationError("Give --key DIR or --card FILE.") }
        guard address.isEmpty || key != nil else {
            throw ValidationError("--address needs --key: the card is signed anew.")
        }
    }

    func run() throws {
        try CardCommand.check(addresses: address)
        let path = card ?? KeyDirectory(key ?? "").card
        var signed = try SignedCard.read(path)
        if let key, !address.isEmpty {
            let directory = KeyDirectory(key)
            guard let linkKey = LinkPublicKey(bytes: try directory.publicKeyBytes(.linkKey)) else {
                preconditionFailure("a key file has 32 public bytes")
            }
            signed = SignedCard.make(
                site: signed.card.member.name, addresses: address,
                operatorKey: try directory.signingKey(.operatorKey, passphrase),
                nodeKey: try directory.signingKey(.nodeKey, passphrase), linkKey: linkKey)
            try DiskFile.write(Array(Armour.encode(signed, as: Armour.card).utf8), to: path, replacing: true)
        }
        let armour = Armour.encode(signed, as: Armour.card)
        if let out { try DiskFile.write(Array(armour.utf8), to: out, replacing: true) }
        let report = CardReport(signed, path: path)
        try output.print(report) { report.text + "\n\n" + armour.dropLast() }
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

    init(_ card: SignedCard, path: String) {
        let member = card.card.member
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
        table.append("operator key", operatorKey)
        table.append("node key", nodeKey)
        table.append("link key", linkKey)
        table.append("addresses", addresses.isEmpty ? "none: this site only dials" : addresses.joined(separator: " "))
        return table.rendered()
    }
}
