import Control
import Crypto
import Glibc
import Ledger
import SiteFiles
import System

/// Collects what is right and wrong with a site, in a fixed order. Later checks go on where earlier ones failed, as far
/// as they can.
struct Examination {
    private(set) var checks: [Check] = []

    /// Less free space than this is worth a word.
    private static let freeBytesLeast: UInt64 = 1 << 30

    mutating func site(_ path: String, socket: String?, ledger: String?) {
        let configuration: Configuration
        do {
            configuration = try Configuration.load(path: path)
            pass("configuration", path)
        } catch {
            fail("configuration", "\(error)")
            if let socket { self.socket(socket) }
            return
        }
        let genesis = self.genesis(configuration)
        var newest: NewestMembers?
        if let genesis {
            newest = self.newest(genesis, ledger: ledger, socket: socket ?? configuration.sockets.operator.path)
        }
        keys(configuration, newest)
        if let genesis { model(configuration, genesis) }
        state(configuration)
        addresses(configuration)
        self.socket(socket ?? configuration.sockets.operator.path)
        if let genesis, let newest { peers(configuration, genesis, newest) }
    }

    private mutating func genesis(_ configuration: Configuration) -> Genesis? {
        do {
            let genesis = try GenesisFile.readComplete(configuration.mesh.genesis).genesis
            pass(
                "genesis",
                "network \(genesis.network.short), \(Words.count(genesis.members.count, "founder", "founders")), signed by all"
            )
            return genesis
        } catch {
            fail("genesis", "\(error)")
            return nil
        }
    }

    /// The member set that keys are judged by.
    private mutating func newest(_ genesis: Genesis, ledger: String?, socket: String) -> NewestMembers? {
        do {
            let newest = try NewestMembers.find(genesis, ledger: ledger, sockets: [socket])
            switch newest.source {
            case .genesis:
                warn("members", "keys are judged by the genesis: the daemon does not answer and no ledger was given")
            case .daemon(isBehind: true):
                warn("members", "keys are judged by \(newest.words), which is still catching up")
            case .daemon(isBehind: false), .ledger: pass("members", "keys are judged by \(newest.words)")
            }
            return newest
        } catch {
            fail("members", "\(error)")
            return nil
        }
    }

    private mutating func keys(_ configuration: Configuration, _ newest: NewestMembers?) {
        var publicKeys: [KeyKind: [UInt8]] = [:]
        var isProtected = false
        for (kind, path) in [(KeyKind.nodeKey, configuration.site.nodeKey), (.linkKey, configuration.site.linkKey)] {
            do throws(KeyFileError) {
                let file = try KeyFile.load(kind, from: path)
                publicKeys[kind] = file.publicKeyBytes
                isProtected = isProtected || file.isProtected
                pass(kind.description, "\(path)\(file.isProtected ? ", with a passphrase" : "")")
            } catch {
                fail(
                    kind.description,
                    [error.description, KeyDirectory.advice(error)].compactMap { $0 }.joined(separator: ". "))
            }
        }
        if isProtected, configuration.site.passphraseFile == nil {
            fail("passphrase", "the keys need one: name its file as passphrase_file under [site]")
        } else if let file = configuration.site.passphraseFile {
            if File.exists(file) { pass("passphrase", file) } else { fail("passphrase", "\(file) does not exist") }
        }
        guard let newest, let nodeKey = publicKeys[.nodeKey] else { return }
        guard let member = newest.members.members.first(where: { $0.nodeKey.bytes == nodeKey }) else {
            return stranger(configuration, newest, nodeKey)
        }
        if let linkKey = publicKeys[.linkKey], member.linkKey.bytes != linkKey {
            doubt(newest, "\(newest.words) names another link key for \(member.name)")
        } else if let name = configuration.site.name, name != member.name {
            fail("membership", "these are the keys of \(member.name), the configuration says \(name)")
        } else {
            pass("membership", "this is \(member.name)")
        }
    }

    /// A failure, or a warning where the mesh may have a newer member set than the one that is known here.
    private mutating func doubt(_ newest: NewestMembers, _ message: String) {
        if let advice = newest.advice {
            warn("membership", "\(message). \(advice)")
        } else {
            fail("membership", message)
        }
    }

    /// The node key is no member's: not yet, not any more, or only not in an old member set.
    private mutating func stranger(_ configuration: Configuration, _ newest: NewestMembers, _ nodeKey: [UInt8]) {
        let card: Ledger.Member?
        do {
            card = try configuration.site.card.map { try SignedCard.read($0).card.member }
        } catch {
            return fail("membership", "\(error)")
        }
        let known =
            card.flatMap { newest.members[$0.id] }
            ?? configuration.site.name.flatMap { newest.members.member(named: $0) }
        if let known {
            let next = try? KeyFile.load(.nodeKey, from: configuration.site.nodeKey + ".next").publicKeyBytes
            if next == known.nodeKey.bytes {
                return warn(
                    "membership",
                    "the keys of \(known.name) were rotated: the daemon takes up the next ones at its start")
            }
            doubt(
                newest,
                "\(newest.words) names another node key for \(known.name): these keys are retired, or another site's")
        } else if let card {
            if card.nodeKey.bytes == nodeKey {
                warn(
                    "membership",
                    "no member: this is \(card.name) by its card, which signs nothing until it is admitted")
            } else {
                doubt(newest, "the card \(configuration.site.card ?? "") is that of another node key")
            }
        } else {
            doubt(
                newest,
                "no member of \(newest.words) has this node key: another mesh's genesis, or another site's keys")
        }
    }

    private mutating func model(_ configuration: Configuration, _ genesis: Genesis) {
        guard let model = configuration.mesh.model else { return }
        do {
            try GenesisSignCommand.compare(model, with: genesis)
            pass("version 0", "\(model) is the model of the genesis")
        } catch {
            // Needed only until the state directory has a version.
            warn("version 0", "\(error)")
        }
    }

    private mutating func state(_ configuration: Configuration) {
        let path = configuration.site.stateDirectory
        guard File.isDirectory(path) else {
            let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            if File.isDirectory(parent.isEmpty ? "/" : parent) {
                pass("state", "\(path) will be made at the first start")
            } else {
                fail("state", "\(parent) does not exist: make it, or name another directory as state under [site]")
            }
            return
        }
        guard access(path, W_OK | X_OK) == 0 else {
            fail("state", "\(path) cannot be written by this account: \(String(cString: strerror(errno)))")
            return
        }
        var volume = statvfs()
        guard statvfs(path, &volume) == 0 else {
            warn("state", "the space left for \(path) cannot be told")
            return
        }
        let (free, overflow) = UInt64(volume.f_bavail).multipliedReportingOverflow(by: UInt64(volume.f_frsize))
        let words = "\(path), \(Words.bytes(Int64(clamping: overflow ? .max : free))) free"
        if free < Examination.freeBytesLeast && !overflow {
            warn("state", words + ": the daemon stops voting when the disk is full")
        } else {
            pass("state", words)
        }
    }

    private mutating func addresses(_ configuration: Configuration) {
        if configuration.mesh.listen.isEmpty {
            warn("addresses", "listen is empty: this site only dials")
        } else if configuration.mesh.announce.isEmpty {
            warn("addresses", "announce is empty: the others do not learn where to reach this site")
        } else {
            pass(
                "addresses",
                "listens on \(configuration.mesh.listen.joined(separator: " ")), announced as \(configuration.mesh.announce.joined(separator: " "))"
            )
        }
    }

    /// Asks the daemon, if there is one, and takes over what it finds itself.
    mutating func socket(_ path: String) {
        do {
            let connection = try DaemonConnection(path: path)
            let status = try connection.ask(StatusRequest())
            pass("daemon", "answers on \(path), version \(status.height), \(status.phase.rawValue)")
            checks += try connection.ask(DoctorRequest()).checks
        } catch {
            warn("daemon", "\(error)")
        }
    }

    private mutating func peers(_ configuration: Configuration, _ genesis: Genesis, _ newest: NewestMembers) {
        let linkKey = (try? KeyFile.load(.linkKey, from: configuration.site.linkKey)).flatMap {
            LinkPublicKey(bytes: $0.publicKeyBytes)
        }
        guard newest.members.count > 1 else { return }
        guard !configuration.mesh.peers.isEmpty else {
            warn("peers", "no peers are named: this site waits until it is dialled")
            return
        }
        do {
            let entries = configuration.mesh.peers.map { PeerList.Entry(line: 0, address: $0, site: nil) }
            let findings = try PeerProber.probe(
                configuration.mesh.peers, network: genesis.network, members: newest.members.members, ownLinkKey: linkKey
            )
            var reached = 0
            for (entry, finding) in zip(entries, findings) {
                let report = PeerReport(entry, finding, network: genesis.network, newest)
                switch report.verdict {
                case .good:
                    reached += 1
                    pass("peer \(entry.address)", report.message)
                case .itself: warn("peer \(entry.address)", report.message + ": take it off the list")
                case .unreachable, .unknown: warn("peer \(entry.address)", report.message)
                case .wrong: fail("peer \(entry.address)", report.message)
                }
            }
            if reached == 0 { warn("peers", "none of them was reached; the daemon goes on trying") }
        } catch {
            fail("peers", "\(error)")
        }
    }

    private mutating func pass(_ name: String, _ message: String) { add(name, .pass, message) }
    private mutating func warn(_ name: String, _ message: String) { add(name, .warning, message) }
    private mutating func fail(_ name: String, _ message: String) { add(name, .failure, message) }

    private mutating func add(_ name: String, _ outcome: DoctorResponse.Outcome, _ message: String) {
        let line = message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.joined(separator: ". ")
        checks.append(Check(name: name, outcome: outcome, message: line))
    }
}
