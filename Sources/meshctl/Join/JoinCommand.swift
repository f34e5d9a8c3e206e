import ArgumentParser
import Crypto
import EventLoop
import Ledger
import SiteFiles
import System

struct JoinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Write a site's meshnode.toml, and check who answers at each peer's address.",
        discussion: """
            A peer list has an address a line, host:port, and after it the site's name where that is known. One reachable \
            address is enough, and may be given by itself with --peer; an invitation brings its own. Without --model the \
            daemon gets the parameters from its peers, block by block. A site that is no founder has an --invitation, or \
            says --observe: by the card beside its keys it watches, and signs nothing until the mesh has admitted it. \
            Each address is asked by the link's own encrypted handshake who it is; nothing is left behind there. The configuration is written in any case; an address that is wrong ends with status 2.
            """)

    @Option(help: ArgumentHelp("The genesis file, signed by every founder.", valueName: "file"))
    var genesis: String

    @Option(help: ArgumentHelp("The peer list.", valueName: "file"))
    var peers: String?

    @Option(help: ArgumentHelp("One peer's address, in place of a list.", valueName: "host:port"))
    var peer: String?

    @Option(
        help: ArgumentHelp(
            "A version digest, from an invitation, that must be on the chain before parameters are taken.",
            valueName: "digest"))
    var expect: String?

    @Option(help: ArgumentHelp("The invitation, for a site that is no founder.", valueName: "file"))
    var invitation: String?

    @Option(help: ArgumentHelp("The directory with node.key and link.key (and site.card).", valueName: "dir"))
    var key: String

    @Option(help: ArgumentHelp("Version 0: a directory with model.safetensors, or such a file.", valueName: "dir"))
    var model: String?

    @Option(help: ArgumentHelp("The daemon's state (default: state, beside the configuration).", valueName: "dir"))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "The directory of trainer.sock and operator.sock (default: that of the configuration).", valueName: "dir"))
    var sockets: String?

    @Option(
        help: ArgumentHelp(
            "The group that may open the trainer socket (default: only the daemon's user).", valueName: "name"))
    var trainerGroup: String?

    @Option(
        help: ArgumentHelp(
            "The group that may open the operator socket (default: only the daemon's user).", valueName: "name"))
    var operatorGroup: String?

    @Option(
        help: ArgumentHelp(
            "The group that may open auditor.sock, which only reads (default: there is no such socket).",
            valueName: "name"))
    var auditorGroup: String?

    @Option(
        help: ArgumentHelp(
            "Numeric address:port to listen on; may be repeated (default: all, at the port announced, or 7700).",
            valueName: "address:port"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "host:port where others reach this site; may be repeated (default: those of the card).",
            valueName: "host:port"))
    var announce: [String] = []

    @Option(help: ArgumentHelp("Passphrase of node and link key, for the daemon.", valueName: "file"))
    var passphraseFile: String?

    @Option(help: ArgumentHelp("The configuration to write (default: meshnode.toml).", valueName: "file"))
    var out = "meshnode.toml"

    @Flag(help: "This site is no founder: it watches, by the card beside its keys, until the mesh admits it.")
    var observe = false

    @Flag(help: "Replace an existing configuration.")
    var force = false

    @OptionGroup var newest: LedgerOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard peers != nil || peer != nil || invitation != nil else {
            throw ValidationError("Give --peers FILE, or one address with --peer HOST:PORT, or --invitation FILE.")
        }
        if let peer { try CardCommand.check(addresses: [peer]) }
        if let expect, Digest(hex: expect) == nil {
            throw ValidationError("--expect needs all 64 hexadecimal digits: nothing here knows the others.")
        }
    }

    struct Report: Encodable {
        let configuration: String
        let site: String
        let network: String
        let listen: [String]
        let announce: [String]
        let peers: [PeerReport]
        let warnings: [String]
    }

    func run() throws {
        let file = try GenesisFile.readComplete(genesis)
        let directory = KeyDirectory(key)
        let newest = try NewestMembers.find(file.genesis, ledger: newest.ledger, sockets: daemonSockets)
        let invited = try invitation.map { try InvitationCheck($0, genesis: file.genesis, newest, directory) }
        let member =
            try invited?.member
            ?? (observe ? JoinCommand.observer(directory) : JoinCommand.member(of: newest, directory))
        if let model { try GenesisSignCommand.compare(model, with: file.genesis) }
        let list = try peers.map { try PeerList(path: $0) }
        let announced = try announcedAddresses(directory)
        let listening = try listen.isEmpty ? [JoinCommand.listenAddress(for: announced)] : checked(listen)
        // Its own address is on the list that all sites share, and nobody answers there yet.
        let named = (peer.map { [$0] } ?? []) + (invited?.invitation.addresses ?? [])
        let entries = (list?.entries ?? []) + named.map { PeerList.Entry(line: 0, address: $0, site: nil) }
        let others = entries.filter { !announced.contains($0.address) }
        let inviters = invited.map { [$0.invitation.inviter] } ?? []
        let findings = try PeerProber.probe(
            others.map(\.address), network: file.genesis.network, members: newest.members.members + inviters,
            ownLinkKey: member.linkKey)
        let reports = zip(others, findings).map { entry, finding in
            PeerReport(entry, finding, network: file.genesis.network, newest, others: inviters)
        }
        let useful = reports.filter { $0.verdict != .itself }.map(\.address)
        try OutputFile.write(
            configurationText(member, listening, announced, useful, invited?.invitation), to: out, isReplacing: force)
        let report = Report(
            configuration: out, site: member.name, network: file.genesis.network.description, listen: listening,
            announce: announced, peers: reports,
            warnings: warnings(reports, announced, memberCount: newest.members.count)
                + (invited?.warnings ?? []))
        try output.print(report) { text(report) }
        if reports.contains(where: { $0.verdict == .wrong }) { throw ExitCode(2) }
    }

    /// Where a daemon of this site may listen already: it is joined again.
    private var daemonSockets: [String] {
        let existing = File.exists(out) ? (try? Configuration.load(path: out))?.sockets.operator.path : nil
        return [sockets.map { $0 + "/operator.sock" }, existing].compactMap { $0 }
    }

    /// The member whose node and link key are in the directory.
    static func member(of newest: NewestMembers, _ directory: KeyDirectory) throws -> Member {
        let nodeKey = try directory.publicKeyBytes(.nodeKey)
        let linkKey = try directory.publicKeyBytes(.linkKey)
        guard let member = newest.members.members.first(where: { $0.nodeKey.bytes == nodeKey }) else {
            throw Failure(
                "no member of \(newest.words) has the node key in \(directory.path): members are \(Words.list(newest.members.members.map(\.name)))",
                advice: "Is this the right genesis file and the right directory of keys? A site that is still to be "
                    + "admitted joins with --invitation FILE, or says --observe."
                    + (newest.advice.map { " \($0)." } ?? ""))
        }
        guard member.linkKey.bytes == linkKey else {
            throw Failure(
                "\(newest.words) names another link key for \(member.name) than the one in \(directory.path)",
                advice: newest.advice.map { $0 + "." })
        }
        return member
    }

    /// Who this site is by its card: it is to be admitted, or was since the genesis.
    private static func observer(_ directory: KeyDirectory) throws -> Member {
        let member = try SignedCard.read(directory.card).card.member
        guard try directory.publicKeyBytes(.nodeKey) == member.nodeKey.bytes,
            try directory.publicKeyBytes(.linkKey) == member.linkKey.bytes
        else { throw Failure("\(directory.card) is the card of other keys than those in \(directory.path)") }
        return member
    }

    private func announcedAddresses(_ directory: KeyDirectory) throws -> [String] {
        if !announce.isEmpty {
            try CardCommand.check(addresses: announce)
            return announce
        }
        guard File.exists(directory.card) else { return [] }
        return try SignedCard.read(directory.card).card.addresses
    }

    /// All interfaces, at the port that others are told.
    static func listenAddress(for announced: [String]) -> String {
        guard let (host, port) = announced.first.flatMap({ SocketAddress.split($0) }) else { return "0.0.0.0:7700" }
        return host.contains(":") ? "[::]:\(port)" : "0.0.0.0:\(port)"
    }

    private func checked(_ addresses: [String]) throws -> [String] {
        for address in addresses {
            do throws(LoopError) { _ = try SocketAddress(parsing: address) } catch {
                throw Failure("--listen \(address): expected a numeric address:port, such as 0.0.0.0:7700")
            }
        }
        return addresses
    }

    private func configurationText(
        _ member: Member, _ listening: [String], _ announced: [String], _ peers: [String], _ invitation: Invitation?
    ) throws -> String {
        let target = File.absolute(out)
        let folder = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? ""
        let socketFolder = sockets.map(File.absolute) ?? folder
        // The longest of the names that the daemon appends.
        guard socketFolder.utf8.count + "/operator.sock".utf8.count <= 107 else {
            throw Failure(
                "the sockets' paths would have more than 107 bytes: \(socketFolder)/operator.sock",
                advice: "Choose a directory with a shorter path with --sockets.")
        }
        let directory = KeyDirectory(File.absolute(key))
        var lines = [
            "# Written by meshctl join for site \(member.name). See Docs/meshctl.md and Deploy/site.",
            "[mesh]",
            "genesis = \(TOMLText.quoted(File.absolute(genesis)))",
        ]
        if let model { lines.append("model = \(TOMLText.quoted(File.absolute(model)))") }
        lines += [
            "listen = \(TOMLText.list(listening))",
            "announce = \(TOMLText.list(announced))",
            "peers = \(TOMLText.list(peers))",
        ]
        if let invitation {
            lines += [
                "# What the invitation says: another chain than the one with this version is refused.",
                "expect_height = \(invitation.height)",
                "expect = \(TOMLText.quoted(invitation.version.description))",
            ]
        }
        if let expect, invitation == nil { lines.append("expect = \(TOMLText.quoted(expect.lowercased()))") }
        lines += [
            "",
            "[site]",
            "name = \(TOMLText.quoted(member.name))",
            "state = \(TOMLText.quoted(state.map(File.absolute) ?? folder + "/state"))",
            "node_key = \(TOMLText.quoted(directory.nodeKey))",
            "link_key = \(TOMLText.quoted(directory.linkKey))",
        ]
        if observe || invitation != nil { lines.append("card = \(TOMLText.quoted(directory.card))") }
        if let passphraseFile {
            lines.append("passphrase_file = \(TOMLText.quoted(File.absolute(passphraseFile)))")
        }
        lines += ["", "[sockets]", "directory = \(TOMLText.quoted(socketFolder))"]
        for (name, group) in [("trainer", trainerGroup), ("operator", operatorGroup), ("auditor", auditorGroup)] {
            if let group { lines.append("\(name)_group = \(TOMLText.quoted(group))") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func warnings(_ reports: [PeerReport], _ announced: [String], memberCount: Int) -> [String] {
        var warnings: [String] = []
        if memberCount > 1, !reports.contains(where: { $0.verdict == .good }) {
            warnings.append(
                "No peer was reached. The daemon goes on trying; at a founding that is normal until the others are up.")
        }
        if announced.isEmpty {
            warnings.append("No address is announced: this site can dial others, but nobody can dial it (--announce).")
        }
        if File.exists(KeyDirectory(key).operatorKey) {
            warnings.append(
                "\(KeyDirectory(key).operatorKey) lies on this machine: the daemon does not need it, keep it offline.")
        }
        return warnings
    }

    private func text(_ report: Report) -> String {
        var lines = [
            "Site \(report.site), network \(Words.short(report.network))", "Wrote \(report.configuration)", "",
        ]
        if !report.peers.isEmpty { lines += [PeerReport.table(report.peers), ""] }
        lines += report.warnings.map { Terminal.standard.paint($0, .warning) }
        if !report.warnings.isEmpty { lines.append("") }
        lines.append("Start the daemon with: meshnode --config \(report.configuration)")
        return lines.joined(separator: "\n")
    }
}
