import Crypto
import Glibc
import Gossip
import Ledger
import System
import Testing

@testable import MeshNode

/// The database until a given commit; from then on the power is out: no commit happens, none is reported.
final class PowerCut: JournalSink {
    private let database: LedgerDatabase
    private let remaining: Guarded<Int>
    private let attempts = Guarded(0)

    init(_ database: LedgerDatabase, commits: Int) {
        self.database = database
        remaining = Guarded(commits)
    }

    /// Commits that were asked for after the cut.
    var lost: Int { attempts.withLock { $0 } }

    func commit(_ batch: JournalBatch) throws(StoreError) {
        let isOn = remaining.withLock { remaining in
            guard remaining > 0 else { return false }
            remaining -= 1
            return true
        }
        guard isOn else {
            attempts.withLock { $0 += 1 }
            throw .file(.system(file: "ledger.sqlite", operation: "fsync", code: 5))
        }
        try database.commit(batch)
    }
}

@Suite(.serialized)
struct CrashTests {
    @Test(
        "No vote, availability vote or ready record that was not synced reached a peer", arguments: [2, 5, 9, 14, 20])
    func persistsBeforeSending(commits: Int) throws {
        let sites = try TestSites(["de", "es", "fr", "pl"])
        defer { sites.end() }
        var cut: PowerCut?
        try sites.start(0) { database in
            let sink = PowerCut(database, commits: commits)
            cut = sink
            return sink
        }
        for index in 1...3 { try sites.start(index) }
        let power = try #require(cut)
        try sites.train(for: "the cut") { power.lost > 0 }
        let reached = (1...3).map { sites.height($0) }.max() ?? 0
        try sites.train(for: "two more versions of the others") {
            (1...3).allSatisfy { sites.height($0) >= reached + 2 }
        }

        let victim = try #require(sites.daemons[0])
        let me = victim.driver.node.identity.member
        let durable = Statements(try victim.driver.database.journal(), signer: me, sites.genesis.members)
        let floor = victim.driver.node.chain.height
        var seen = 0
        for index in 1...3 {
            let database = try #require(sites.daemons[index]).driver.database
            var entries = try database.journal()
            for version in try database.versions(in: floor.next...Height(floor.value + 64)) {
                entries.append(.adopt(version))
            }
            let held = Statements(entries, signer: me, sites.genesis.members)
            seen += held.all.count
            #expect(held.all.filter { $0.height > floor }.allSatisfy { durable.all.contains($0) })
        }
        // With a site that never got anything out, the test would say nothing.
        if commits >= 9 { #expect(seen > 0) }
    }

    @Test("A full disk stops the signing, is said, and loses nothing once there is room again")
    func survivesFullDisk() throws {
        let sites = try TestSites(["de", "es", "fr", "pl"])
        defer { sites.end() }
        var full: FullDisk?
        try sites.start(0) { database in
            let sink = FullDisk(database)
            full = sink
            return sink
        }
        for index in 1...3 { try sites.start(index) }
        try sites.train(for: "the first versions") { (0...3).allSatisfy { sites.height($0) >= 2 } }
        let disk = try #require(full)
        disk.isFull.withLock { $0 = true }
        let victim = try #require(sites.daemons[0])
        try sites.train(for: "the alarm") { victim.control.status.disk == .full }
        let stuck = sites.height(0)
        try sites.train(for: "versions of the other three") { (1...3).allSatisfy { sites.height($0) >= stuck + 3 } }
        #expect(sites.height(0) <= stuck + 1)
        #expect(victim.control.status.alarms.contains { $0.kind == .disk })
        disk.isFull.withLock { $0 = false }
        let target = sites.height(1)
        try sites.train(for: "the site to be back") { sites.height(0) >= target + 1 }
        #expect(victim.control.status.disk == .writable)
    }
}

/// The database, on a disk that can be full for a while.
final class FullDisk: JournalSink {
    let isFull = Guarded(false)
    private let database: LedgerDatabase

    init(_ database: LedgerDatabase) { self.database = database }

    func commit(_ batch: JournalBatch) throws(StoreError) {
        guard !isFull.withLock({ $0 }) else {
            throw .file(.system(file: database.path, operation: "write", code: ENOSPC))
        }
        try database.commit(batch)
    }
}

/// What one member signed, as it stands in journal entries.
private struct Statements {
    struct Statement: Hashable {
        let height: Height
        let digest: Digest
    }

    private(set) var all: Set<Statement> = []

    init(_ entries: [JournalEntry], signer: MemberID, _ members: MemberSet) {
        guard let index = members.index(of: signer) else { return }
        for entry in entries {
            switch entry {
            case .availabilityVote(let signed): if signed.signer == signer { note(signed.body) }
            case .closed(let signed): if signed.signer == signer { note(signed.body) }
            case .ready(let signed): if signed.signer == signer { note(signed.body) }
            case .vote(let signed): if signed.signer == signer { note(signed.body) }
            case .proposal(let signed): if signed.signer == signer { note(signed.body) }
            case .availability(let certificate): note(certificate, index)
            case .certificate(let certificate): note(certificate, index)
            case .payload(let embedded): note(embedded, signer, index)
            case .adopt(let version), .headerSynced(let version), .stateSynced(let version):
                note(version.certificate, index)
                note(version.embedded, signer, index)
            case .ownContribution, .contribution, .address, .evidence, .conflictingCertificate, .abstention, .action,
                .review, .verdict:
                break
            }
        }
    }

    private mutating func note(_ embedded: EmbeddedPayload, _ signer: MemberID, _ index: Int) {
        for closed in embedded.closings.flatMap(\.statements) where closed.signer == signer { note(closed.body) }
        for ready in embedded.ready where ready.signer == signer { note(ready.body) }
        for certificate in embedded.availability { note(certificate, index) }
    }

    private mutating func note(_ certificate: AvailabilityCertificate, _ index: Int) {
        if certificate.signatures.signers.contains(index) { note(certificate.vote) }
    }

    private mutating func note(_ certificate: VoteCertificate, _ index: Int) {
        if certificate.signatures.signers.contains(index) { note(certificate.vote) }
    }

    private mutating func note(_ body: AvailabilityVote) {
        all.insert(Statement(height: body.memberHeight, digest: body.digest))
    }
    private mutating func note(_ body: Closed) { all.insert(Statement(height: body.height, digest: body.digest)) }
    private mutating func note(_ body: Ready) { all.insert(Statement(height: body.height, digest: body.digest)) }
    private mutating func note(_ body: Vote) { all.insert(Statement(height: body.height, digest: body.digest)) }
    private mutating func note(_ body: Proposal) { all.insert(Statement(height: body.height, digest: body.digest)) }
}
