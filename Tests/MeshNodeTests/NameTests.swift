import EventLoop
import Testing

@testable import MeshNode

/// Host names of a test and what they lead to; a name that is missing is never answered.
private final class TestNames {
    var answers: [String: Result<[SocketAddress], LoopError>] = [:]
    private(set) var asked: [String: Int] = [:]
    private let loop: EventLoop

    init(_ loop: EventLoop) { self.loop = loop }

    func serve(_ transport: Transport) {
        transport.lookUp = { [self] host, port, _, completion in
            asked[host, default: 0] += 1
            guard let answer = answers[host] else { return }
            loop.atEndOfTurn { completion(answer.map { $0.map { $0.with(port: port) } }) }
        }
    }
}

struct NameTests {
    private func error(_ daemon: Daemon?, _ address: String) -> String {
        daemon?.control.status.addresses.first { $0.address == address }?.error ?? ""
    }

    /// 127.0.0.`last`: the whole network 127/8 leads to this machine.
    private func loopback(_ last: UInt8) throws -> SocketAddress { try SocketAddress(host: "127.0.0.\(last)", port: 0) }

    @Test("All addresses of a name are tried, after a failed connection and after a failed handshake")
    func triesAllAddresses() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let others = try TestSites(["de", "es"], loop: sites.loop)
        defer { others.end() }
        let port = sites.ports[1]
        try others.start(0, listen: ["127.0.0.8:\(port)"])
        try sites.start(1, peers: [])
        let names = TestNames(sites.loop)
        // Nobody listens at the first, another mesh at the second.
        names.answers["mesh.test"] = .success([try loopback(9), try loopback(8), try loopback(1)])
        let daemon = try sites.start(0, peers: ["mesh.test:\(port)"], prepare: { names.serve($0.transport) })
        let member = try #require(sites.genesis.members.members.first { $0.name == "es" }?.id)
        try sites.wait(for: "the link") { daemon.transport.view(of: member).isLinked }
        let state = try #require(daemon.control.status.addresses.first)
        #expect(state.address == "mesh.test:\(port)" && state.link == .up && state.site?.text == "es")
        #expect(state.error == nil)
    }

    @Test("The status shows the error of each address of a configured name")
    func showsEachError() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let others = try TestSites(["de", "es"], loop: sites.loop)
        defer { others.end() }
        let port = sites.ports[1]
        try others.start(0, listen: ["127.0.0.8:\(port)"])
        let names = TestNames(sites.loop)
        names.answers["bad.test"] = .success([try loopback(9), try loopback(8)])
        names.answers["gone.test"] = .failure(.resolveTimedOut("gone.test", milliseconds: 5000))
        let daemon = try sites.start(
            0, peers: ["bad.test:\(port)", "gone.test:7700", "127.0.0.9:\(port)"],
            prepare: { names.serve($0.transport) })
        try sites.wait(for: "all errors") {
            let bad = error(daemon, "bad.test:\(port)")
            return bad.contains("127.0.0.9:\(port) unreachable") && bad.contains("127.0.0.8:\(port) ")
                && bad.contains("another genesis file")
                && error(daemon, "gone.test:7700").contains("did not answer within 5000 ms")
                && error(daemon, "127.0.0.9:\(port)").contains("unreachable")
        }
        #expect(daemon.control.status.addresses.allSatisfy { $0.link != .up })
    }

    @Test("Names that are never answered delay no other address")
    func isolatesDeadNames() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        try sites.start(1, peers: [])
        let names = TestNames(sites.loop)
        names.answers["good.test"] = .success([try loopback(1)])
        let daemon = try sites.start(
            0, peers: (0..<20).map { "dead\($0).test:1" } + ["good.test:\(sites.ports[1])"],
            prepare: { names.serve($0.transport) })
        let member = try #require(sites.genesis.members.members.first { $0.name == "es" }?.id)
        try sites.wait(for: "the link") { daemon.transport.view(of: member).isLinked }
    }

    @Test("A name that cannot be resolved any more is dialled at its last known address")
    func keepsLastAddress() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        try sites.start(1, peers: [])
        let names = TestNames(sites.loop)
        names.answers["es.test"] = .success([.loopback(port: sites.ports[1])])
        let daemon = try sites.start(0, peers: ["es.test:\(sites.ports[1])"], prepare: { names.serve($0.transport) })
        let member = try #require(sites.genesis.members.members.first { $0.name == "es" }?.id)
        try sites.wait(for: "the link") { daemon.transport.view(of: member).isLinked }
        names.answers["es.test"] = .failure(.resolveTimedOut("es.test", milliseconds: 5000))
        let asked = names.asked["es.test"] ?? 0
        sites.stop(1)
        try sites.wait(for: "the loss of the link") { !daemon.transport.view(of: member).isLinked }
        try sites.start(1, peers: [])
        try sites.wait(for: "the link again") { daemon.transport.view(of: member).isLinked }
        #expect(names.asked["es.test"] ?? 0 > asked, "it is looked up each time")
    }

    @Test("A name with many addresses is tried through, the last good one first")
    func triesThrough() {
        var hosts = HostAddresses()
        let addresses = (1...20).map { SocketAddress.loopback(port: 0).host(last: UInt8($0)) }
        hosts.learned(addresses, of: "many.test")
        var seen: Set<SocketAddress> = []
        for _ in 0..<3 {
            let next = hosts.nextAddresses(of: "many.test", port: 7)
            #expect(next.count == TransportLimits.addressesPerDial)
            seen.formUnion(next)
        }
        #expect(seen.count == 20)
        hosts.succeeded(addresses[12].with(port: 7), of: "many.test:7")
        hosts.learned(addresses, of: "many.test")
        let afterLink = hosts.nextAddresses(of: "many.test", port: 9)
        #expect(afterLink.first == addresses[12].with(port: 9))
        hosts.learned([addresses[0]], of: "many.test")
        let afterChange = hosts.nextAddresses(of: "many.test", port: 9)
        #expect(afterChange == [addresses[0].with(port: 9)])
        hosts.retain([])
        let afterAll = hosts.nextAddresses(of: "many.test", port: 9)
        #expect(afterAll.isEmpty)
    }
}

extension SocketAddress {
    /// The IPv4 loopback address with another last number.
    fileprivate func host(last: UInt8) -> SocketAddress {
        (try? SocketAddress(host: "127.0.0.\(last)", port: 0)) ?? self
    }
}
