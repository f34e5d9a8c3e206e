import Ledger
import Testing

@testable import MeshNode

/// Rules that the members change while contributions made under the old ones are on their way.
@Suite(.serialized)
struct RulesChangeTests {
    @Test func whatWasMadeBeforeAChangeIsListedAfterIt() throws {
        var rules = Rules()
        rules.maxStaleness = 8
        let sites = try TestSites(["de", "es", "fr", "pl"], rules: rules)
        defer { sites.end() }
        for index in 0..<4 { try sites.start(index) }
        try sites.settle(at: 2)
        // Two of four agree on nothing.
        for index in 2..<4 { sites.stop(index) }
        for index in 0..<2 { try sites.contribute(index, seed: UInt64(index)) }
        let base = sites.height(0)
        try sites.wait(for: "two contributions that both sites name") {
            sites.daemons.values.allSatisfy { daemon in
                (try? daemon.driver.database.journal())?.contains { entry in
                    guard case .closed(let closed) = entry else { return false }
                    return closed.body.height.value == base + 1 && closed.body.commitments.count == 2
                } ?? false
            }
        }
        for index in 0..<2 { sites.stop(index) }
        // A third statement was on its way.
        try sites.closeRound(by: [0, 1], joining: 2)
        rules.pieceBytes = 1 << 12
        let decided = try sites.decide(.rules(rules))
        for index in 0..<4 { try sites.start(index) }
        try sites.wait(for: "both in versions") {
            sites.daemons.values.allSatisfy { daemon in
                let head = daemon.driver.node.chain.height
                guard head > decided, let versions = try? daemon.driver.database.versions(in: decided.next...head)
                else { return false }
                return versions.flatMap(\.contributions).count { $0.body.baseHeight.value == base } == 2
            }
        }
        #expect(sites.daemons.values.allSatisfy { $0.driver.node.chain.rules == rules })
    }
}
