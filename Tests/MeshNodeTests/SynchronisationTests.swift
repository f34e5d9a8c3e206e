import Crypto
import Foundation
import Gossip
import Ledger
import System
import Tensor
import TestKit
import Testing

@testable import MeshNode

/// Daemons that lag or join, on real links and disks.
@Suite(.serialized)
struct SynchronisationTests {
    /// Five blocks of parameters, the last one short.
    private static let parameters = 4 * 262_144 + 1000

    private func rules(_ optimizer: InnerOptimizer = .adamW, retention: UInt32 = 8) -> Rules {
        var rules = Rules()
        rules.innerOptimizer = optimizer
        rules.retentionVersions = retention
        return rules
    }

    private func versions(_ sites: TestSites, _ index: Int) throws -> [UInt64] {
        let daemon = try #require(sites.daemons[index])
        return try daemon.driver.database.versions(in: Height(1)...Height(1000)).map(\.height.value)
    }

    @Test(
        "A daemon that was away for longer than payloads are kept takes parameters and goes on",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func lags(optimizer: InnerOptimizer) throws {
        let sites = try TestSites(["de", "es", "fr", "pl"], rules: rules(optimizer))
        defer { sites.end() }
        for index in 0...3 { try sites.start(index) }
        try sites.train(for: "a first version") { (0...3).allSatisfy { sites.height($0) >= 1 } }
        sites.stop(3)
        let away = sites.height(0)
        try sites.train(for: "versions without it") { (0...2).allSatisfy { sites.height($0) >= away + 14 } }
        let daemon = try sites.start(3)
        var stateSyncs: [Height] = []
        let onNotice = daemon.driver.onNotice
        daemon.driver.onNotice = { notice in
            if case .synchronised(let version) = notice { stateSyncs.append(version.height) }
            onNotice?(notice)
        }
        try sites.wait(for: "the lagging site") { sites.height(3) >= away + 14 }
        #expect(!stateSyncs.isEmpty)
        let target = sites.height(0) + 2
        try sites.train(for: "versions with it") { (0...3).allSatisfy { sites.height($0) >= target } }
        #expect(try versions(sites, 3) == Array(1...sites.height(3)))
        #expect(daemon.driver.health.damages.isEmpty)
        // A restart audits what header sync brought, and finds the parameters.
        sites.stop(3)
        let height = try sites.start(3).driver.node.chain.height
        #expect(height.value >= target)
    }

    @Test(
        "A site with nothing but the genesis file and one address gets everything from there",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func joins(optimizer: InnerOptimizer) throws {
        let sites = try TestSites(["de", "es", "fr", "pl"], parameters: Self.parameters, rules: rules(optimizer))
        defer { sites.end() }
        sites.hasModel = { $0 < 3 }
        for index in 0...2 { try sites.start(index) }
        try sites.train(for: "versions") { (0...2).allSatisfy { sites.height($0) >= 2 } }
        let joiner = try sites.start(3, peers: ["127.0.0.1:\(sites.ports[0])"])
        #expect(joiner.control.status.phase == .catchingUp)
        try sites.wait(for: "the joiner") { sites.height(3) >= 2 }
        try sites.train(for: "a version that lists it") {
            sites.daemons[0]?.driver.node.chain.head.manifest.contains {
                $0.slot.author == joiner.driver.node.identity.member
            } ?? false
        }
    }

    @Test("A joiner that is stopped in the middle goes on from the blocks on its disk")
    func resumes() throws {
        let sites = try TestSites(["de", "es", "fr", "pl"], parameters: Self.parameters, rules: rules())
        defer { sites.end() }
        sites.hasModel = { $0 < 3 }
        for index in 0...2 { try sites.start(index) }
        // What an earlier life left: two of five blocks, and one that a bad disk changed since.
        let state = try StateDirectory(path: sites.state(3))
        let root = sites.genesis.roots.parameters
        let source = try #require(sites.daemons[0]).driver.jobs.parameters
        let fileCache = ParameterFileCache(source)
        let partial = PartialParameters(
            parameters: ParameterStore(
                state: state, layout: sites.layout, shape: StateShape(parameterCount: sites.layout.parameterCount)),
            root: root)
        #expect(try partial.held() == [false, false, false, false, false])
        for index in [1, 3, 4] {
            let block = try #require(try fileCache.block(index, of: root))
            #expect(try partial.store(index, proof: block.proof, bytes: block.bytes))
        }
        try flipBit(in: state.params + "/\(root).blocks", at: 4 * 262_144 * 3 + 17)
        #expect(try partial.held() == [false, true, false, false, true])
        state.unlock()
        let joiner = try sites.start(3)
        var received: Set<Int> = []
        let driver = joiner.transport.onEvent
        joiner.transport.onEvent = { event in
            if case .piece(_, let name, _, _) = event, name.contribution.digest == root { received.insert(name.index) }
            driver?(event)
        }
        try sites.wait(for: "version 0") { joiner.driver.baseRoots.last?.root == root }
        // One may come twice, from two peers; the two that are held never come.
        #expect(received == [0, 2, 3])
        #expect(try Folder.names(in: state.params) == ["\(root).f32"])
        #expect(joiner.driver.node.chain.height == .genesis)
    }

    @Test("A block stands under its root at its place, or is refused")
    func refusesBlocks() throws {
        let sites = try TestSites(["de"], parameters: Self.parameters)
        defer { sites.end() }
        let daemon = try sites.start(0)
        let root = sites.genesis.roots.parameters
        let fileCache = ParameterFileCache(daemon.driver.jobs.parameters)
        let folder = TemporaryFolder()
        let partial = PartialParameters(
            parameters: ParameterStore(
                state: try StateDirectory(path: folder.path), layout: sites.layout,
                shape: StateShape(parameterCount: sites.layout.parameterCount)), root: root)
        _ = try partial.held()
        let block = try #require(try fileCache.block(2, of: root))
        let last = try #require(try fileCache.block(4, of: root))
        #expect(last.bytes.count == 4000)
        var changed = block.bytes
        changed[77] ^= 1
        #expect(try !partial.store(2, proof: block.proof, bytes: changed))
        #expect(try !partial.store(1, proof: block.proof, bytes: block.bytes))
        #expect(try !partial.store(2, proof: Array(block.proof.dropLast()), bytes: block.bytes))
        #expect(try !partial.store(2, proof: block.proof, bytes: Array(block.bytes.dropLast())))
        #expect(try !partial.store(5, proof: block.proof, bytes: block.bytes))
        #expect(try !partial.store(-1, proof: block.proof, bytes: block.bytes))
        #expect(try !partial.store(4, proof: last.proof, bytes: last.bytes + [0]))
        #expect(try partial.held() == [false, false, false, false, false])
        #expect(try partial.store(2, proof: block.proof, bytes: block.bytes))
        #expect(try partial.store(4, proof: last.proof, bytes: last.bytes))
        #expect(try partial.complete() == [false, false, true, false, true])
        #expect(try fileCache.block(5, of: root) == nil)
        #expect(try fileCache.block(-1, of: root) == nil)
        #expect(try fileCache.block(0, of: .zero) == nil)
    }

    @Test("Old payloads and bases go, and those that the rules keep stay")
    func retains() throws {
        let sites = try TestSites(["de"], rules: rules())
        defer { sites.end() }
        let daemon = try sites.start(0)
        try sites.train(for: "thirty versions") { sites.height(0) >= 30 }
        try sites.wait(for: "the intake to be idle") { !daemon.intake.isWorking }
        let (rules, driver) = (sites.genesis.rules, daemon.driver)
        let head = driver.node.chain.height
        let kept = (0...head.value).filter { rules.keepsBase(Height($0), head: head) }
        try sites.wait(for: "the bases that are kept, and no others") {
            Set((try? Folder.names(in: driver.jobs.blobs.state.params)) ?? [])
                == Set(driver.baseRoots.map { "\($0.root).f32" })
        }
        #expect(driver.baseRoots.map(\.height.value) == kept)
        #expect(kept.count < 8)
        try sites.wait(for: "payloads of the window, and no others") {
            ((try? driver.jobs.blobs.digests()) ?? []).allSatisfy { digest in
                (try? driver.jobs.blobs.baseHeight(digest)).map { rules.keepsPayload(base: $0, head: head) } ?? true
            }
        }
        let versions = try driver.database.versions(in: Height(1)...head)
        #expect(versions.count == Int(head.value))
        for version in versions where version.height > rules.oldestBase(head: head) {
            for entry in version.version.manifest { #expect(driver.jobs.blobs.isComplete(entry.contribution)) }
        }
        #expect(!driver.jobs.blobs.isComplete(try #require(versions.first?.version.manifest.first).contribution))
    }

    @Test("While an export reads, no payload is taken away")
    func exportsHoldPayloads() throws {
        let sites = try TestSites(["de"], rules: rules(retention: 2))
        defer { sites.end() }
        let daemon = try sites.start(0)
        let blobs = daemon.driver.jobs.blobs
        try sites.train(for: "a version") { sites.height(0) >= 1 }
        var isBegun = false
        daemon.driver.beginExport { isBegun = true }
        try sites.wait(for: "the sweep before") { isBegun }
        try sites.train(for: "many more") { sites.height(0) >= 12 }
        let first = try #require(
            try daemon.driver.database.version(at: Height(1))?.version.manifest.first
        ).contribution
        #expect(blobs.isComplete(first))
        daemon.driver.endExport()
        // The next one follows at once, and keeps the sweep off no longer.
        isBegun = false
        daemon.driver.beginExport { isBegun = true }
        try sites.wait(for: "the next export") { isBegun }
        #expect(!blobs.isComplete(first))
    }

    @Test("Synced headers that a bad disk changed are synced again")
    func damagedHeaders() throws {
        let sites = try TestSites(["de", "es", "fr", "pl"], rules: rules())
        defer { sites.end() }
        for index in 0...2 { try sites.start(index) }
        try sites.train(for: "versions") { (0...2).allSatisfy { sites.height($0) >= 9 } }
        let source = try #require(sites.daemons[0]).driver.database
        let folder = sites.state(3)
        do {
            let state = try StateDirectory(path: folder)
            let database = try LedgerDatabase(
                path: state.database, markPath: state.mark, network: sites.genesis.network)
            let versions = try source.versions(in: Height(1)...Height(6))
            try database.commit(JournalBatch(entries: versions.map { .headerSynced($0) }))
            try database.write { try $0.execute(sql: "UPDATE walked SET bytes = zeroblob(9) WHERE height = 4") }
            database.close()
            state.unlock()
        }
        let daemon = try sites.start(3)
        #expect(daemon.driver.health.damages.contains { $0.description.contains("height 4") })
        try sites.wait(for: "the lagging site") { sites.height(3) >= 9 }
        #expect(try versions(sites, 3) == Array(1...sites.height(3)))
    }
}
