import Crypto
import Gossip
import Ledger
import Testing

@testable import MeshNode

struct TransportTests {
    private let member = MemberID(Digest(DigestDomain("test"), [1]))

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
            dialer.failed("a:1", "connection refused", now: at(now))
            let next = dialer.targets["a:1"]!.next.milliseconds
            waits.append(next - now)
            now = next
        }
        #expect(waits[0] <= TransportLimits.backoffFirstMilliseconds)
        #expect(waits[11] >= TransportLimits.backoffMaximumMilliseconds / 2)
        #expect(waits.allSatisfy { $0 <= TransportLimits.backoffMaximumMilliseconds })
        #expect(dialer.targets["a:1"]?.lastError == "connection refused")
    }

    @Test("A member that is linked is not dialled; once lost it is dialled soon")
    func dialsTheLost() {
        var dialer = Dialer(configured: [], random: SeededRandom(simulationSeed: 1))
        dialer.set(["a:1", "b:2"], of: member)
        let linked = dialer.due(now: at(0), isLinked: { _ in true })
        let unlinked = dialer.due(now: at(0), isLinked: { _ in false })
        #expect(linked.isEmpty && unlinked.count == 2)
        dialer.succeeded("a:1", member)
        dialer.failed("b:2", "no answer", now: at(0))
        dialer.lost(member, now: at(1000))
        let due = dialer.due(now: at(1000 + TransportLimits.backoffFirstMilliseconds), isLinked: { _ in false })
        #expect(due.map(\.address) == ["a:1", "b:2"])
    }

    @Test("Addresses that a member no longer announces are forgotten, configured ones stay")
    func forgets() {
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        dialer.set(["a:1", "b:2"], of: member)
        dialer.set(["c:3"], of: member)
        #expect(dialer.targets.keys.sorted() == ["a:1", "c:3"])
        #expect(dialer.targets["a:1"]?.expected == nil)
    }

    @Test("An address that leads back here is never dialled again")
    func knowsItself() {
        var dialer = Dialer(configured: ["a:1"], random: SeededRandom(simulationSeed: 1))
        _ = dialer.due(now: at(0), isLinked: { _ in false })
        dialer.isOwn("a:1")
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
            let refused = others.daemons[0]?.transport.refusedConnections.last ?? ""
            return networks.allSatisfy { error(others.ports[0]).contains($0) && refused.contains($0) }
        }
        #expect(sites.daemons[0]?.control.status.peers.allSatisfy { $0.link != .up } ?? false)
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
            let other = try #require(members.first { $0 != daemon.keeper.node.identity.member })
            #expect(daemon.transport.view(of: other).isLinked)
            #expect(daemon.keeper.node.report(now: daemon.keeper.now).linkedMembers == [other])
        }
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

    @Test("The gate's memory is bounded whatever number of addresses knocks")
    func gateIsBounded() {
        var gate = HandshakeGate()
        let admitted = (0..<3 * TransportLimits.bucketsMaximum).count { index in
            gate.admits([UInt8(index >> 16), UInt8(index >> 8 & 255), UInt8(index & 255)], now: at(0))
        }
        #expect(admitted == TransportLimits.bucketsMaximum)
    }
}
