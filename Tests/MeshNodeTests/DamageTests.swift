import Crypto
import Foundation
import Gossip
import Ledger
import System
import Testing

@testable import MeshNode

/// Flipped bits under a whole daemon: one site that certifies by itself.
@Suite(.serialized)
struct DamageTests {
    enum Kind: String, CaseIterable, Sendable {
        case parameters, blob, sidecar, residual
        /// The shared optimizer's state, behind the parameters.
        case optimizer

        /// The byte to damage.
        var offset: Int { self == .optimizer ? 4 * 5_000 + 100 : 100 }
    }

    private func file(of kind: Kind, in sites: TestSites) throws -> String {
        let daemon = try #require(sites.daemons[0])
        let state = daemon.driver.jobs.blobs.state
        let height = daemon.driver.node.chain.height
        let version = try #require(try daemon.driver.database.version(at: height))
        let contribution = try #require(version.version.manifest.first).contribution
        switch kind {
        case .parameters, .optimizer: return state.parameters(version.version.roots.name)
        case .blob: return state.blob(contribution)
        case .sidecar: return state.sidecar(contribution)
        case .residual: return state.residual(try #require(daemon.intake.residual))
        }
    }

    private func makeChain(_ kind: Kind? = nil, scrubMilliseconds: UInt64 = 3_600_000) throws -> TestSites {
        var rules = Rules()
        if kind == .optimizer { rules.innerOptimizer = .sharedAdamW }
        let sites = try TestSites(["de"], rules: rules)
        try sites.start(0, scrubMilliseconds: scrubMilliseconds)
        try sites.train(for: "three versions") { sites.height(0) >= 3 }
        try sites.wait(for: "the intake to be idle") { sites.daemons[0].map { !$0.intake.isWorking } ?? true }
        return sites
    }

    @Test("A bit flipped before the start is named, repaired, and the site goes on", arguments: Kind.allCases)
    func beforeStart(kind: Kind) throws {
        let sites = try makeChain(kind)
        defer { sites.end() }
        let path = try file(of: kind, in: sites)
        let height = sites.height(0)
        sites.stop(0)
        try flipBit(in: path, at: kind.offset, bit: 3)
        let daemon = try sites.start(0)
        #expect(daemon.driver.health.damages.contains { $0.description.contains(path) })
        #expect(sites.height(0) == height)
        try sites.train(for: "two more versions") { sites.height(0) >= height + 2 }
    }

    @Test("A bit flipped while the daemon runs is found in the background and named", arguments: Kind.allCases)
    func whileRunning(kind: Kind) throws {
        let sites = try makeChain(kind, scrubMilliseconds: 5)
        defer { sites.end() }
        let path = try file(of: kind, in: sites)
        try flipBit(in: path, at: kind.offset, bit: 3)
        try sites.wait(for: "the alarm") {
            sites.daemons[0]?.driver.health.damages.contains { $0.description.contains(path) } ?? false
        }
        #expect(sites.daemons[0]?.control.status.alarms.contains { $0.kind == .corruption } ?? false)
    }

    @Test("A payload that is damaged while the daemon runs is fetched again", arguments: [Kind.blob, .sidecar])
    func fetchesAgain(kind: Kind) throws {
        // No version is decided before the operators have approved what it lists.
        var rules = Rules()
        rules.review = .approve
        rules.approvals = 1
        let sites = try TestSites(["de", "es"], rules: rules)
        defer { sites.end() }
        sites.roundDeadlineMilliseconds = 3_600_000
        let reader = try sites.start(0, scrubMilliseconds: 5)
        let author = try sites.start(1)
        for index in 0..<2 { try sites.contribute(index, seed: UInt64(index)) }
        let blobs = reader.driver.jobs.blobs
        var candidates: [NodeReport.Candidate] = []
        func digest(of site: Daemon) -> ContributionDigest? {
            candidates.first { $0.contribution.author == site.driver.node.identity.member }?.digest
        }
        try sites.wait(for: "both contributions at both sites") {
            candidates = reader.driver.node.report(now: reader.driver.now).candidates
            return [reader, author].allSatisfy { site in
                digest(of: site).map { digest in
                    [reader, author].allSatisfy { $0.driver.jobs.blobs.isComplete(digest) }
                } ?? false
            }
        }
        let digest = try #require(digest(of: author))
        let path = kind == .blob ? blobs.state.blob(digest) : blobs.state.sidecar(digest)
        try flipBit(in: path, at: 100, bit: 3)
        try sites.wait(for: "the alarm, and then a whole blob") {
            reader.driver.health.damages.contains { $0.description.contains(path) }
                && (try? blobs.verify(digest)) != nil && blobs.isComplete(digest)
        }
        for candidate in candidates {
            let isOwn = candidate.contribution.author == reader.driver.node.identity.member
            try sites.approve(candidate.contribution, at: isOwn ? author : reader)
        }
        try sites.wait(for: "the version that lists both") { sites.height(0) >= 1 && sites.height(1) >= 1 }
        #expect(sites.daemons[0]?.driver.node.chain.head.manifest.count == 2)
    }

    @Test("A row of the database that changes while the daemon runs is found and named")
    func rowWhileRunning() throws {
        let sites = try makeChain(scrubMilliseconds: 5)
        defer { sites.end() }
        let database = try #require(sites.daemons[0]).driver.database
        try database.write { try $0.execute(sql: "UPDATE versions SET bytes = zeroblob(9) WHERE height = 2") }
        try sites.wait(for: "the alarm") {
            sites.daemons[0]?.driver.health.damages
                .contains(.damagedRow(file: database.path, table: "versions", row: "height 2")) ?? false
        }
    }

    @Test("A damaged version row stops the start, with its name")
    func rowBeforeStart() throws {
        let sites = try makeChain()
        defer { sites.end() }
        let database = try #require(sites.daemons[0]).driver.database
        try database.write { try $0.execute(sql: "UPDATE versions SET digest = zeroblob(32) WHERE height = 2") }
        sites.stop(0)
        #expect(
            throws: StoreError.damagedRow(file: database.path, table: "versions", row: "height 2")
        ) { try sites.start(0) }
    }

    @Test("With every parameter file gone the head is computed again from version 0")
    func replays() throws {
        let sites = try makeChain()
        defer { sites.end() }
        let folder = sites.state(0) + "/params"
        let height = sites.height(0)
        sites.stop(0)
        for name in try Folder.names(in: folder) { File.remove(folder + "/" + name) }
        let daemon = try sites.start(0)
        #expect(daemon.driver.baseRoots.last?.height == Height(height))
        try sites.train(for: "another version") { sites.height(0) > height }
    }

    @Test("A second daemon on the same state directory is refused")
    func refusesSecond() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        #expect(throws: StoreError.inUse(directory: sites.state(0))) { try sites.start(0) }
    }
}
