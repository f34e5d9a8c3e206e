import ArgumentParser
import Crypto
import Glibc
import Ledger
import SiteFiles
import System

struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Make a site's operator, node and link key, and its public card.",
        discussion: """
            The operator key signs governance and belongs offline; the node and link keys go to the machine that runs \
            meshnode. The card has the public halves: send it to whoever puts the genesis together.
            """)

    @Option(help: ArgumentHelp("The site's name: 1 to 32 of a-z, 0-9 and -.", valueName: "name"))
    var site: String

    @Option(help: ArgumentHelp("The directory for the keys (default: ./NAME).", valueName: "dir"))
    var out: String?

    @Option(help: ArgumentHelp("host:port where other sites reach this one; may be repeated.", valueName: "host:port"))
    var address: [String] = []

    @OptionGroup var passphrase: PassphraseOption

    @Flag(help: "Protect only the operator key by the passphrase, so that the daemon starts without one.")
    var operatorOnly = false

    @OptionGroup var output: OutputOptions

    func run() throws {
        guard Member.isValidName(site) else {
            throw Failure("\"\(site)\" is no site name", advice: "Use 1 to 32 of a-z, 0-9 and -.")
        }
        try CardCommand.check(addresses: address)
        let directory = KeyDirectory(out ?? site)
        let secret = try passphrase.secret()
        try Folder.make(directory.path, mode: 0o700, modeAbove: 0o755)
        for kind in KeyKind.allCases where File.exists(directory.file(kind)) {
            throw Failure(
                "\(directory.file(kind)) exists already",
                advice: "A key that is overwritten is lost: choose another directory with --out.")
        }
        var random = SeededRandom.system()
        var seeds: [KeyKind: SecretBytes] = [:]
        for kind in KeyKind.allCases {
            let seed = SecretBytes.random(count: 32)
            seeds[kind] = seed
            let isProtected = kind == .operatorKey || !operatorOnly
            do throws(KeyFileError) {
                try KeyFile(
                    kind: kind, secret: seed, path: directory.file(kind), passphrase: isProtected ? secret : nil,
                    random: &random
                ).store()
            } catch {
                throw Failure(error.description)
            }
        }
        guard let operatorSeed = seeds[.operatorKey], let nodeSeed = seeds[.nodeKey], let linkSeed = seeds[.linkKey]
        else { preconditionFailure("every kind was made") }
        let card = SignedCard.make(
            site: site, addresses: address, operatorKey: SigningKey(seed: operatorSeed),
            nodeKey: SigningKey(seed: nodeSeed), linkKey: LinkKey(secret: linkSeed).publicKey)
        try OutputFile.write(Armour.encode(card, as: Armour.card), to: directory.card)
        try output.print(CardReport(card, path: directory.card)) {
            """
            Made the keys of site \(site) in \(directory.path)/
              operator.key  signs governance: keep it offline, it is needed again to sign the genesis
              node.key      signs contributions and votes: for the machine that runs meshnode
              link.key      authenticates links: for the machine that runs meshnode
              site.card     public: send it to whoever puts the genesis together

            \(CardReport(card, path: directory.card).text)
            """
        }
    }
}

extension SignedCard {
    static func make(
        site: String, addresses: [String], operatorKey: SigningKey, nodeKey: SigningKey, linkKey: LinkPublicKey
    ) -> SignedCard {
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: site,
            operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey, linkKey: linkKey, keyEpoch: 0)
        return SignedCard(
            card: Card(member: member, addresses: addresses), operatorKey: operatorKey, nodeKey: nodeKey)
    }
}
