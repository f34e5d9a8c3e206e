import Control
import Crypto
import Gossip
import Ledger
import Link
import Testing

@testable import MeshNode

@Suite struct RefusedConnectionsTests {
    private func at(_ milliseconds: UInt64) -> Instant { Instant(milliseconds: milliseconds) }

    private let probe = PeerConnection.End.link(
        .frameLength(byteCount: 21_588, byteCountMin: 1, byteCountMax: 512))

    @Test("Many connections of one source and kind are one entry with a count and the time of the last")
    func aggregates() {
        var refused = RefusedConnections()
        for index in 0..<500 { refused.note(probe, from: "203.0.113.5:\(1000 + index)", now: at(UInt64(index))) }
        refused.note(.stream(.endOfStream), from: "[2001:db8::1]:7", now: at(600))
        refused.note(.link(.otherNetworkOrWireVersion), from: "203.0.113.5:1", now: at(700))
        let found = refused.sources(now: at(1000))
        #expect(found.map(\.kind) == [.otherNetwork, .notAMesh])
        #expect(found[1].sources.map(\.host) == ["2001:db8::1", "203.0.113.5"])
        #expect(found[1].sources.map(\.count) == [1, 500])
        #expect(found[1].sources.map(\.last) == [at(600), at(499)])
    }

    @Test("A source that has been quiet for an hour is forgotten")
    func expires() {
        var refused = RefusedConnections()
        refused.note(probe, from: "203.0.113.5:1", now: at(0))
        refused.note(probe, from: "203.0.113.6:1", now: at(10))
        #expect(
            refused.sources(now: at(RefusedConnections.expiryMilliseconds)).first?.sources.map(\.host) == [
                "203.0.113.6"
            ])
        #expect(refused.sources(now: at(2 * RefusedConnections.expiryMilliseconds)).isEmpty)
    }

    @Test("The number of sources is bounded; the one that has been quiet longest goes first")
    func isBounded() {
        var refused = RefusedConnections()
        for index in 0...RefusedConnections.sourcesMaximum {
            refused.note(probe, from: "10.0.\(index >> 8).\(index & 255):1", now: at(UInt64(index)))
        }
        let sources = refused.sources(now: at(1000)).first?.sources ?? []
        #expect(sources.count == RefusedConnections.sourcesMaximum)
        #expect(!sources.contains { $0.host == "10.0.0.0" })
    }

    @Test("Doctor names each kind of refused connection once, with a count and a time")
    func doctor() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let others = try TestSites(["de", "es"], loop: sites.loop)
        defer { others.end() }
        try others.start(0)
        let first = "127.0.0.1:\(others.ports[0])"
        try sites.start(0, peers: [first])
        try sites.start(1, peers: [first])
        var refused: [Check] { others.daemons[0]?.control.checks.filter { $0.name == "refused connections" } ?? [] }
        try sites.wait(for: "more than one connection to be refused") {
            refused.contains { $0.count ?? 0 >= 2 && $0.lastAt ?? 0 > 1_600_000_000 }
        }
        #expect(Set(refused.map { $0.message.prefix { $0 != ":" } }).count == refused.count)
    }
}
