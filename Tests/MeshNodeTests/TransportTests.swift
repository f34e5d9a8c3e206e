import Crypto
import EventLoop
import Gossip
import Ledger
import Link
import Testing

@testable import MeshNode

struct TransportTests {
    private let member = MemberID(Digest(DigestDomain("test"), [1]))

    private func source(_ address: String, _ announcer: MemberID? = nil) -> Dialer.Source {
        Dialer.Source(address: address, announcer: announcer)
    }

    private func at(_ milliseconds: UInt64) -> Instant { Instant(milliseconds: milliseconds) }

    @Test("An address that cannot be reached is tried again ever more rarely, and its error kept")
    func backsOff() {
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        var now: UInt64 = 0
        var waits: [UInt64] = []
        for _ in 0..<12 {
            let due = dialer.due(now: at(now), isLinked: { _ in false })
            let again = dialer.due(now: at(now), isLinked: { _ in false })
            #expect(due.map(\.address) == ["a:1"])
            #expect(again.isEmpty, "it is being dialled already")
            dialer.failed(source("a:1"), "connection refused", now: at(now))
            let next = dialer.targets[source("a:1")]!.next.milliseconds
            waits.append(next - now)
            now = next
        }
        #expect(waits[0] <= TransportLimits.backoffFirstMilliseconds)
        #expect(waits[11] >= TransportLimits.backoffMaximumMilliseconds / 2)
        #expect(waits.allSatisfy { $0 <= TransportLimits.backoffMaximumMilliseconds })
        #expect(dialer.targets[source("a:1")]?.lastError == "connection refused")
    }

    @Test("A member that is linked is not dialled; once lost it is dialled soon")
    func dialsTheLost() {
        var dialer = Dialer(configured: [], random: SeededRandom(simulationSeed: 1))
        dialer.set(["a:1", "b:2"], of: member, now: at(0))
        let linked = dialer.due(now: at(0), isLinked: { _ in true })
        let unlinked = dialer.due(now: at(0), isLinked: { _ in false })
        #expect(linked.isEmpty && unlinked.count == 2)
        dialer.succeeded(source("a:1", member), member)
        dialer.failed(source("b:2", member), "no answer", now: at(0))
        dialer.lost(member, now: at(1000))
        let due = dialer.due(now: at(1000 + TransportLimits.backoffFirstMilliseconds), isLinked: { _ in false })
        #expect(due.map(\.address).sorted() == ["a:1", "b:2"])
    }

    @Test("New announcements of one member cause few dials, others' and proven addresses are dialled all the same")
    func announcementsAreBounded() {
        var dialer = Dialer(configured: [], random: SeededRandom(simulationSeed: 1))
        let other = MemberID(Digest(DigestDomain("test"), [9]))
        dialer.set(["proven:1"], of: member, now: at(0))
        _ = dialer.due(now: at(0), isLinked: { _ in false })
        dialer.succeeded(source("proven:1", member), member)
        var dialled = 0
        // Eight other addresses every 100 ms, and the link goes each time.
        for round in 0..<200 {
            let now = at(UInt64(round) * 100)
            dialer.lost(member, now: now)
            dialer.set(["proven:1"] + (0..<8).map { "victim:\(round * 8 + $0 + 1)" }, of: member, now: now)
            for target in dialer.due(now: now, isLinked: { _ in false }) {
                if target.address == "proven:1" {
                    dialer.succeeded(target.source, member)
                } else {
                    dialled += 1
                    dialer.failed(target.source, "refused", now: now)
                }
            }
        }
        let most = TransportLimits.announcedDialsMaximum + Int(20_000 / TransportLimits.announcedDialMilliseconds)
        #expect((TransportLimits.announcedDialsMaximum - 1...most).contains(dialled))
        dialer.set(["honest:1"], of: other, now: at(20_000))
        let due = dialer.due(now: at(20_000 + TransportLimits.backoffMaximumMilliseconds), isLinked: { _ in false })
        #expect(due.contains { $0.address == "honest:1" } && due.contains { $0.address == "proven:1" })
    }

    @Test("Addresses that a member no longer announces are forgotten, configured ones stay")
    func forgets() {
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        dialer.set(["a:1", "b:2"], of: member, now: at(0))
        dialer.set(["c:3"], of: member, now: at(0))
        #expect(dialer.targets.keys.sorted() == [source("a:1"), source("c:3", member)])
    }

    @Test("What one member announces changes no other target, and nor does its removal")
    func keepsTargetsApart() {
        let other = MemberID(Digest(DigestDomain("test"), [2]))
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        dialer.set(["a:1", "b:2"], of: member, now: at(0))
        dialer.set(["a:1", "b:2"], of: other, now: at(0))
        let honest = [source("a:1"), source("a:1", member), source("b:2", member)]
        #expect(dialer.targets.keys.sorted() == (honest + [source("a:1", other), source("b:2", other)]).sorted())
        let due = dialer.due(now: at(0), isLinked: { $0 == other })
        #expect(due.map(\.source) == [source("a:1"), source("b:2", member)], "whoever answers is welcome there")
        dialer.failed(source("a:1"), "no answer", now: at(0))
        let next = dialer.due(now: at(0), isLinked: { $0 == other })
        #expect(next.map(\.source) == [source("a:1", member)])
        dialer.retain { $0 != other }
        #expect(dialer.targets.keys.sorted() == honest)
        #expect(dialer.dialling.count == 2)
    }

    @Test("Members that announce new addresses all the time take neither places nor turns without bound")
    func sharesTurns() {
        let hostile = (0..<8).map { MemberID(Digest(DigestDomain("test"), [3, UInt8($0)])) }
        let waiting = MemberID(Digest(DigestDomain("test"), [2]))
        var dialer = Dialer(configured: [], random: SeededRandom(simulationSeed: 1))
        var dialled: [Dialer.Target] = []
        for round in 0..<20 as Range<UInt64> {
            for member in hostile { dialer.set((0..<8).map { "a\(round):\($0)" }, of: member, now: at(round)) }
            dialled += dialer.due(now: at(round), isLinked: { _ in false })
        }
        #expect(dialled.count == TransportLimits.dialsMaximum && dialer.dialling.count == dialled.count)
        #expect(dialer.targets.count == 64)
        dialer.set(["b:1"], of: waiting, now: at(20))
        for member in hostile { dialer.set((0..<8).map { "a:\($0)" }, of: member, now: at(21)) }
        dialer.failed(dialled[0].source, "no answer", now: at(21))
        let due = dialer.due(now: at(21), isLinked: { _ in false })
        #expect(due.map(\.address) == ["b:1"])
    }

    @Test("An address that leads back here is never dialled again")
    func knowsItself() {
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        _ = dialer.due(now: at(0), isLinked: { _ in false })
        dialer.isOwn(source("a:1"))
        let due = dialer.due(now: at(1 << 40), isLinked: { _ in false })
        #expect(due.isEmpty)
    }

    @Test("A site with another genesis file is named at the address, and nothing comes of it")
    func namesOtherNetwork() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let others = try TestSites(["de", "es"], loop: sites.loop)
        defer { others.end() }
        try sites.start(0, peers: ["127.0.0.1:\(others.ports[0])", "127.0.0.1:\(sites.ports[1])"])
        try others.start(0)
        func error(_ port: UInt16) -> String {
            sites.daemons[0]?.transport.targets.first { $0.address.hasSuffix(":\(port)") }?.lastError ?? ""
        }
        try sites.wait(for: "both errors") {
            error(others.ports[0]).contains("another genesis file") && error(sites.ports[1]).contains("unreachable")
        }
        #expect(sites.daemons[0]?.control.status.alarms.contains { $0.kind == .wrongGenesis } ?? false)
        // Each side says which network both are of: the dialling one by the other's word, and the other way round.
        let networks = [sites.genesis.network.short, others.genesis.network.short]
        try sites.wait(for: "both networks at both sides") {
            let transport = others.daemons[0]?.transport
            let refused = transport?.refusedConnections.sources(now: others.daemons[0]?.driver.now ?? at(0)).first
            let reason = refused?.kind == .otherNetwork ? refused?.sources.first?.reason ?? "" : ""
            return networks.allSatisfy { error(others.ports[0]).contains($0) && reason.contains($0) }
        }
        #expect(sites.daemons[0]?.control.status.peers.allSatisfy { $0.link != .up } ?? false)
    }

    @Test("A member that announces the address of another mesh raises no alarm at others")
    func announcesAForeignAddress() throws {
        let sites = try TestSites(["de", "es"])
        let foreign = try TestSites(["fr"], loop: sites.loop)
        defer {
            foreign.end()
            sites.end()
        }
        try foreign.start(0)
        let site = try sites.start(0)
        let faulty = sites.genesis.members.members.first { $0.name == "es" }
        let address = "127.0.0.1:\(foreign.ports[0])"
        site.driver.transport.setAddresses([address], of: try #require(faulty).id)
        try sites.wait(for: "the address to be found foreign") {
            site.driver.transport.targets.contains {
                $0.address == address && $0.lastError?.contains("another genesis file") ?? false
            }
        }
        #expect(!site.control.status.alarms.contains { $0.kind == .wrongGenesis })
    }

    @Test("Two members that both dial keep exactly one link")
    func keepsOneLink() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        try sites.start(0)
        try sites.start(1)
        let members = sites.genesis.members.members.map(\.id)
        try sites.train(for: "versions over that link") { (0...1).allSatisfy { sites.height($0) >= 3 } }
        for index in 0...1 {
            let daemon = try #require(sites.daemons[index])
            let other = try #require(members.first { $0 != daemon.driver.node.identity.member })
            #expect(daemon.transport.view(of: other).isLinked)
            #expect(daemon.driver.node.report(now: daemon.driver.now).linkedMembers == [other])
        }
    }

    /// What a message of a flood costs.
    struct Cost {
        var signatures: UInt64 = 0
        var nanoseconds: UInt64 = 0
        /// As many bytes as one read brings, or few.
        var bytes = 3
        /// How many fit into one share.
        let share: Int
    }

    @Test(
        "A flood on one link is handled in shares of messages, signatures and time, and arrives whole and in order",
        arguments: [
            Cost(share: TransportLimits.messagesPerTurn), Cost(signatures: 32, share: 2),
            Cost(nanoseconds: 400_000, share: 5), Cost(nanoseconds: 50_000_000, share: 1),
            // Each comes by a read of its own.
            Cost(nanoseconds: 1_000_000, bytes: 60_000, share: 2),
        ])
    func floodsAreShared(cost: Cost) throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        // One side dials, so no second connection takes the link's place.
        try sites.start(1, peers: [])
        try sites.start(0)
        let (sender, receiver) = (try #require(sites.daemons[0]), try #require(sites.daemons[1]))
        let member = receiver.driver.node.identity.member
        try sites.train(for: "versions over one link") { (0...1).allSatisfy { sites.height($0) >= 3 } }
        let link = try #require(sender.transport.link(to: member))
        var (handled, inTurn, most): ([[UInt8]], Int, Int) = ([], 0, 0)
        receiver.transport.signaturesComputed = { cost.signatures * UInt64(handled.count) }
        receiver.transport.clock = { MonotonicInstant(nanoseconds: cost.nanoseconds * UInt64(handled.count)) }
        receiver.transport.onEvent = { event in
            guard case .message(_, let bytes) = event, bytes.first == 0xfe else { return }
            handled.append(bytes)
            inTurn += 1
            most = max(most, inTurn)
        }
        let turn = try LoopTimer(loop: sites.loop)
        defer { turn.close() }
        func begin() {
            inTurn = 0
            turn.start(afterMilliseconds: 1) { begin() }
        }
        begin()
        let sent = (0..<(cost.bytes > 3 ? 200 : 2_000)).map {
            [0xfe, UInt8($0 >> 8), UInt8($0 & 255)] + [UInt8](repeating: 0, count: cost.bytes - 3)
        }
        for bytes in sent { sender.transport.send(bytes, to: link) }
        try sites.wait(for: "all of it") { handled.count == sent.count }
        #expect(handled == sent)
        // Within a millisecond or two: what waited from before, and what the socket brought.
        #expect(most <= 4 * cost.share)
    }

    @Test("One remote address cannot begin handshakes without bound, and another is not hindered")
    func gate() {
        var gate = HandshakeGate()
        let admitted = (0..<200).count { _ in gate.admits([10, 0, 0, 1], now: at(0)) }
        #expect(admitted == Int(TransportLimits.bucketSize))
        let other = gate.admits([10, 0, 0, 2], now: at(0))
        let later = gate.admits([10, 0, 0, 1], now: at(1000))
        #expect(other && later)
    }

    @Test("An IPv6 network is one host, and an IPv4 address in IPv6 form is the IPv4 host")
    func gateKnowsNetworks() {
        var gate = HandshakeGate()
        let network: [UInt8] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1]
        let admitted = (0..<200 as Range<UInt8>).count {
            gate.admits(network + [0, 0, 0, 0, 0, 0, 0, $0], now: at(0))
        }
        #expect(admitted == Int(TransportLimits.bucketSize))
        let beside = gate.admits([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1], now: at(0))
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        let four = (0..<200 as Range<UInt8>).count { gate.admits(mapped + [10, 0, 0, $0], now: at(0)) }
        #expect(beside && four == 200)
    }

    @Test("The gate's memory is bounded whatever number of addresses knocks")
    func gateIsBounded() {
        var gate = HandshakeGate()
        let admitted = (0..<3 * TransportLimits.bucketsMaximum).count { index in
            gate.admits([UInt8(index >> 16), UInt8(index >> 8 & 255), UInt8(index & 255)], now: at(0))
        }
        #expect(admitted == TransportLimits.bucketsMaximum)
    }
}
