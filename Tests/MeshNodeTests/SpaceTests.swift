import EventLoop
import Gossip
import Ledger
import Testing

@testable import MeshNode

/// Daemons whose disk is short of room.
struct SpaceTests {
    @Test("A daemon without room fetches nothing, and takes part again once there is room")
    func goesOnOnceThereIsRoom() throws {
        let sites = try TestSites(["de", "es", "fr"])
        defer { sites.end() }
        for index in 0..<3 { try sites.start(index) }
        let drivers = try (0..<3).map { try #require(sites.daemons[$0]).driver }
        func measure(_ free: UInt64) throws {
            drivers[0].freeBytes = { _ in free }
            try sites.wait(for: "the measurement that runs") { !drivers[0].isMeasuringSpace }
            drivers[0].measureSpace()
            try sites.wait(for: "the measurement") { !drivers[0].isMeasuringSpace }
        }
        func complete(_ index: Int) throws -> Int {
            let blobs = drivers[index].jobs.blobs
            return try blobs.digests().count { blobs.isComplete($0) }
        }
        try measure(0)
        try sites.contribute(1, seed: 1)
        try sites.contribute(2, seed: 2)
        try sites.wait(for: "both payloads at the others") {
            ((try? complete(1)) ?? 0) == 2 && ((try? complete(2)) ?? 0) == 2
        }
        #expect(try drivers[0].jobs.blobs.digests().isEmpty)
        #expect(sites.height(0) == 0)
        try measure(1 << 40)
        try sites.wait(for: "a version") { sites.height(0) >= 1 }
        #expect(try complete(0) == 2)
    }
}
