import Crypto
import EventLoop
import Foundation
import Gossip
import Ledger
import Link
import SiteFiles
import Testing

@testable import meshctl

@Suite struct JoinTests {
    /// What a daemon of `site` answers with, perhaps in another network or with another node key.
    private func session(
        _ place: Workplace, _ site: String, _ genesis: Genesis, network: NetworkID? = nil, nodeKey: SigningKey? = nil,
        linkKey: LinkKey? = nil
    ) throws -> () -> LinkSession? {
        let member = try #require(genesis.members.member(named: site))
        let identity = LinkIdentity(
            network: network ?? genesis.network, member: member.id,
            nodeKey: try nodeKey ?? KeyFile.load(.nodeKey, from: place.path("\(site)/node.key")).signingKey(),
            linkKey: try linkKey ?? KeyFile.load(.linkKey, from: place.path("\(site)/link.key")).linkKey())
        return {
            var random = SeededRandom.system()
            return LinkSession(
                role: .responder, identity: identity, admit: { genesis.members.linkPeer(linkKey: $0) }, random: &random,
                now: Instant(milliseconds: 0))
        }
    }

    private func join(_ place: Workplace, _ loop: EventLoop, _ peers: String, _ more: [String] = []) throws
        -> Workplace.Result
    {
        try place.write(peers, to: "peers.txt")
        return try place.run(
            ["join", "--genesis", "genesis.mesh", "--peers", "peers.txt", "--key", "de", "--json"] + more,
            answeredBy: loop)
    }

    private func verdicts(_ result: Workplace.Result) throws -> [[String: Any]] {
        try #require(try result.json()["peers"] as? [[String: Any]], "\(result.errors)")
    }

    @Test func saysWhoAnswersAtEachAddress() throws {
        let place = try Workplace()
        let genesis = try place.found()
        let loop = try EventLoop()
        let member = try AnsweringNode(loop: loop, session: session(place, "fr", genesis))
        let itself = try AnsweringNode(loop: loop, session: session(place, "de", genesis))
        let foreign = try AnsweringNode(
            loop: loop, session: session(place, "es", genesis, network: NetworkID(.zero)))
        let stranger = try AnsweringNode(
            loop: loop, session: session(place, "es", genesis, linkKey: LinkKey(secret: .random(count: 32))))
        let impostor = try AnsweringNode(
            loop: loop, session: session(place, "pl", genesis, nodeKey: SigningKey(seed: .random(count: 32))))
        let list = """
            127.0.0.1:\(member.port) fr
            127.0.0.1:\(member.port) pl
            127.0.0.1:\(itself.port)
            127.0.0.1:\(foreign.port)
            127.0.0.1:\(stranger.port)
            127.0.0.1:\(impostor.port)
            """
        // Without a ledger it is unknown whether keys were rotated since the founding.
        let unproven = try verdicts(join(place, loop, list))
        #expect(unproven.map { $0["verdict"] as? String } == ["good", "wrong", "self", "wrong", "unknown", "unknown"])
        for peer in unproven.suffix(2) { #expect((peer["message"] as? String)?.contains("--ledger FILE") == true) }
        let doubtful = try join(
            place, loop, "127.0.0.1:\(stranger.port)\n127.0.0.1:\(impostor.port)\n", ["--force"])
        #expect(doubtful.status == 0, "\(doubtful.errors)")
        var history = try History(genesis, place)
        try history.advance()
        try place.write(history.ledger(withPayloads: false), to: "ledger")
        let result = try join(place, loop, list, ["--ledger", "ledger", "--force"])
        let peers = try verdicts(result)
        let words = ["fr answers", "pl was expected", "this site itself", "wrong network", "not a member", "wrong key"]
        #expect(peers.map { $0["verdict"] as? String } == ["good", "wrong", "self", "wrong", "wrong", "wrong"])
        for (peer, word) in zip(peers, words) {
            let message = try #require(peer["message"] as? String)
            #expect(message.contains(word), "\(message)")
        }
        #expect(result.status == 2)
        // Of the wrong network both sides are named.
        let networks = try #require(peers[3]["message"] as? String)
        #expect(networks.contains(NetworkID(.zero).short) && networks.contains(genesis.network.short), "\(networks)")
        // Its own address is not one to dial.
        #expect(try Configuration.load(path: place.path("meshnode.toml")).mesh.peers.count == 5)
        for node in [member, itself, foreign, stranger, impostor] { node.close() }
        loop.close()
    }

    @Test func writesAConfigurationAlthoughNobodyIsUpYet() throws {
        let place = try Workplace()
        try place.found()
        let loop = try EventLoop()
        let unused = try AnsweringNode(loop: loop, session: { nil })
        let port = unused.port
        unused.close()
        let result = try join(place, loop, "127.0.0.1:\(port)", ["--model", "model", "--state", "here/state"])
        #expect(result.status == 0, "\(result.errors)")
        let peer = try #require(try verdicts(result).first)
        #expect(peer["verdict"] as? String == "unreachable")
        #expect((peer["message"] as? String)?.contains("connection refused") == true)
        let configuration = try Configuration.load(path: place.path("meshnode.toml"))
        #expect(configuration.mesh.genesis.hasSuffix("/genesis.mesh") && configuration.mesh.genesis.hasPrefix("/"))
        #expect(configuration.mesh.model?.hasSuffix("/model") == true)
        #expect(configuration.site.stateDirectory.hasSuffix("/here/state"))
        #expect(configuration.mesh.announce == ["de.example.org:7700"])
        #expect(configuration.mesh.listen == ["0.0.0.0:7700"])
        #expect(configuration.mesh.peers == ["127.0.0.1:\(port)"])
        #expect(configuration.site.name == "de")
        let again = try join(place, loop, "127.0.0.1:\(port)")
        #expect(again.status == 1)
        #expect(again.errors.contains("exists already"))
        loop.close()
    }

    @Test func aSiteThatIsNoFounderWatchesByItsCard() throws {
        let place = try Workplace()
        let genesis = try place.found()
        try place.run("keygen", "--site", "it", "--address", "it.example.org:7700")
        let expected = genesis.version.versionDigest.description
        let arguments = ["join", "--genesis", "genesis.mesh", "--peer", "127.0.0.1:9", "--key", "it"]
        let result = try place.run(arguments + ["--observe", "--expect", expected, "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let configuration = try Configuration.load(path: place.path("meshnode.toml"))
        #expect(configuration.mesh.peers == ["127.0.0.1:9"])
        #expect(configuration.mesh.model == nil)
        #expect(configuration.site.name == "it")
        #expect(configuration.site.card == place.path("it/site.card"))
        #expect(configuration.mesh.expected?.description == expected)
        // The card of other keys says nothing about these.
        try FileManager.default.removeItem(atPath: place.path("it/site.card"))
        try FileManager.default.copyItem(atPath: place.path("de/site.card"), toPath: place.path("it/site.card"))
        let foreign = try place.run(arguments + ["--observe", "--force"])
        #expect(foreign.status == 1)
        #expect(foreign.errors.contains("is the card of other keys"))
        #expect(try place.run(arguments + ["--expect", "12"]).status == 64)
        #expect(try place.run("join", "--genesis", "genesis.mesh", "--key", "de").status == 64)
    }

    @Test func refusesAnIncompleteGenesisAndForeignKeys() throws {
        let place = try Workplace()
        let genesis = try place.found()
        let loop = try EventLoop()
        try place.run("keygen", "--site", "it")
        try place.write("", to: "peers.txt")
        let stranger = try place.run(
            "join", "--genesis", "genesis.mesh", "--peers", "peers.txt", "--key", "it")
        #expect(stranger.status == 1)
        #expect(stranger.errors.contains("no member of the genesis has the node key"))
        try place.write(GenesisFile(genesis: genesis, signatures: []).encoded, to: "genesis.mesh")
        let unsigned = try join(place, loop, "")
        #expect(unsigned.status == 1)
        #expect(unsigned.errors.contains("not signed by every founder: de, es, fr and pl are missing"))
        #expect(!FileManager.default.fileExists(atPath: place.path("meshnode.toml")))
        loop.close()
    }
}

@Suite struct ProbeHandshakeTests {
    private let place: Workplace
    private let genesis: Genesis

    init() throws {
        place = try Workplace()
        genesis = try place.found(["de", "fr"])
    }

    private func probe() -> ProbeHandshake {
        ProbeHandshake(
            network: genesis.network, members: genesis.members.members, ownLinkKey: nil,
            staticSecret: .random(count: 32), ephemeralSecret: .random(count: 32))
    }

    @Test(arguments: [[0, 0], [2, 1], [255, 255], Array("HTTP/1.1 400 Bad Request".utf8)])
    func whatIsNoMeshIsSaid(answer: [UInt8]) throws {
        var probe = probe()
        let first = try probe.start()
        #expect(first.count == 34)
        #expect(probe.receive(answer) == .notAMesh)
    }

    @Test func aPartialAnswerIsWaitedFor() throws {
        var probe = probe()
        _ = try probe.start()
        #expect(probe.receive([0]) == nil)
        #expect(probe.receive([100]) == nil)
        #expect(probe.receive([UInt8](repeating: 1, count: 99)) == nil)
        #expect(probe.receive([1]) != nil)
    }

    @Test(arguments: 0..<4)
    func randomAnswersNeverPassForAMember(seed: UInt64) throws {
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<50 {
            var probe = probe()
            _ = try probe.start()
            let count = Int.random(in: 1...512, using: &random)
            let answer =
                [UInt8(count >> 8), UInt8(count & 255)]
                + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let finding = probe.receive(answer)
            #expect(finding == .notAMesh || finding == .otherNetwork(nil))
        }
    }
}
