import Gossip
import Ledger
import Testing

@testable import MeshNode

@Suite(.serialized)
struct IntakeTests {
    /// A start looks through versions for each open slot: over a history of many versions that would hold up the
    /// journal, and with it every signature, for as long as it takes to read all of them again and again.
    @Test("Slots whose contributions versions list are settled; only those of present bases are open")
    func settlesListedSlots() throws {
        let sites = try TestSites(["de", "es", "fr", "pl"])
        defer { sites.end() }
        for index in 0...3 { try sites.start(index) }
        try sites.train(for: "eight versions") { (0...3).allSatisfy { sites.height($0) >= 8 } }
        let driver = try #require(sites.daemons[0]).driver
        var taken = 0
        try sites.wait(for: "slots of former bases to be settled") {
            guard let slots = try? driver.database.slots() else { return false }
            taken = slots.count
            let bases = Set(driver.node.chain.bases.map(\.digest))
            return slots.allSatisfy { $0.state != .sent || bases.contains($0.base) }
        }
        #expect(taken >= 6)
    }
}
