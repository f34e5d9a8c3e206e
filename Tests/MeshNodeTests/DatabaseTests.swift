import Crypto
import Glibc
import Gossip
import Ledger
import System
import TestKit
import Testing

@testable import MeshNode

struct DatabaseTests {
    private static let network = NetworkID(Digest(DigestDomain("test"), [7]))

    private func open(_ folder: TemporaryFolder) throws -> LedgerDatabase {
        try LedgerDatabase(
            path: folder.path + "/ledger.sqlite", markPath: folder.path + "/ledger.mark", network: Self.network)
    }

    private static func address(_ member: UInt8, sequence: UInt64, text: String = "host:1") -> JournalEntry {
        let id = MemberID(Digest(DigestDomain("test"), [member]))
        return .address(
            Signed(
                signer: id, body: AddressRecord(member: id, addresses: [text], sequence: sequence),
                signature: Signature(bytes: [UInt8](repeating: member, count: 64))!))
    }

    private static func vote(_ height: UInt64, _ view: UInt32) -> JournalEntry {
        .vote(
            Signed(
                signer: MemberID(.zero), body: .nullify(height: Height(height), view: View(view)),
                signature: Signature(bytes: [UInt8](repeating: 9, count: 64))!))
    }

    private static func slot(_ height: UInt64, residual: String?) -> SlotRow {
        SlotRow(
            base: VersionDigest(Digest(DigestDomain("test"), [UInt8(height)])), baseHeight: Height(height),
            contribution: ContributionDigest(.zero), residual: residual)
    }

    private static func round(_ height: UInt64) -> RoundRow {
        RoundRow(
            height: Height(height), version: VersionDigest(.zero), adoptedAt: 1, durationMilliseconds: 2,
            contributors: ["de", "fr"], signers: ["de"], lossMicronats: nil, contributionBytes: 3, sentBytes: 4,
            receivedBytes: 5, isReplayed: false,
            times: RoundTimes(firstContribution: 6, available: nil, ready: 7, certified: 8), figures: nil)
    }

    @Test("The ledger's files are for the daemon's user alone, also where an older one was not")
    func ledgerFiles_haveMode0600() throws {
        let folder = TemporaryFolder()
        for isOlder in [false, true] {
            if isOlder {
                for name in try Folder.names(in: folder.path) { #expect(chmod(folder.path + "/" + name, 0o644) == 0) }
            }
            let database = try open(folder)
            try database.commit(JournalBatch(entries: [Self.vote(1, 1)]))
            let names = try Folder.names(in: folder.path)
            #expect(names.contains("ledger.sqlite") && names.contains("ledger.sqlite-wal"))
            for name in names where name.hasPrefix("ledger.sqlite") {
                var status = stat()
                #expect(stat(folder.path + "/" + name, &status) == 0)
                #expect(status.st_mode & 0o777 == 0o600, "\(name)")
            }
            database.close()
        }
    }

    @Test("What was committed is there after the next start, in its order")
    func keepsEntries() throws {
        let folder = TemporaryFolder()
        let entries = (1...20).map { Self.vote(UInt64($0), 1) }
        do {
            let database = try open(folder)
            for entry in entries { try database.commit(JournalBatch(entries: [entry])) }
            try database.commit(
                JournalBatch(submissions: [Self.slot(3, residual: "a")], rounds: [Self.round(1), Self.round(2)]))
            database.close()
        }
        let database = try open(folder)
        #expect(try database.journal() == entries)
        #expect(try database.slots() == [Self.slot(3, residual: "a")])
        #expect(try database.meta("residual") == "a")
        #expect(try database.rounds(through: Height(5), count: 1) == [Self.round(2)])
    }

    @Test("A batch is there as a whole or not at all")
    func isAtomic() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        try database.commit(JournalBatch(submissions: [Self.slot(3, residual: "a")]))
        // The slot is taken: the whole batch fails, its vote and its residual with it.
        #expect(throws: StoreError.self) {
            try database.commit(
                JournalBatch(entries: [Self.vote(1, 1)], submissions: [Self.slot(3, residual: "b")]))
        }
        #expect(try database.journal().isEmpty)
        #expect(try database.meta("residual") == "a")
    }

    @Test("A contribution goes back into the residual once")
    func returnsOnce() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        let slot = Self.slot(3, residual: "a")
        try database.commit(JournalBatch(submissions: [slot]))
        try database.commit(JournalBatch(returns: [ResidualReturn(base: slot.base, residual: "b")]))
        try database.commit(JournalBatch(returns: [ResidualReturn(base: slot.base, residual: "c")]))
        #expect(try database.meta("residual") == "b")
        #expect(try database.slots().map(\.state) == [.returned])
    }

    @Test("A slot that is settled stays so, and nothing of it goes back into the residual")
    func settles() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        let slot = Self.slot(3, residual: "a")
        try database.commit(JournalBatch(submissions: [slot], settlements: [slot.base]))
        try database.commit(JournalBatch(returns: [ResidualReturn(base: slot.base, residual: "b")]))
        #expect(try database.meta("residual") == "a")
        #expect(try database.slots().map(\.state) == [.settled])
    }

    @Test("Of a member's addresses the newest is kept; pruning drops what lies below a height and no address")
    func prunes() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        try database.commit(
            JournalBatch(entries: [
                Self.address(1, sequence: 1), Self.vote(4, 1), Self.vote(5, 1), Self.address(1, sequence: 2),
                Self.address(2, sequence: 1),
            ]))
        try database.pruneJournal(below: Height(5))
        #expect(
            try database.journal() == [Self.vote(5, 1), Self.address(1, sequence: 2), Self.address(2, sequence: 1)])
        database.close()
        #expect(try open(folder).journal().count == 3)
    }

    @Test("Another network's database is refused by name")
    func refusesOtherNetwork() throws {
        let folder = TemporaryFolder()
        try open(folder).close()
        let error = try #require(throws: StoreError.self) {
            try LedgerDatabase(
                path: folder.path + "/ledger.sqlite", markPath: folder.path + "/ledger.mark",
                network: NetworkID(.zero))
        }
        guard case .wrongNetwork(let file, _, _) = error else { throw error }
        #expect(file.hasSuffix("ledger.sqlite"))
    }

    @Test("A flipped bit of the database is named, or lies where nothing is stored", arguments: 0..<60)
    func namesFlippedBit(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let entries = (1...30).map { Self.vote(UInt64($0), 2) } + [Self.address(1, sequence: 3)]
        let database = try open(folder)
        try database.commit(JournalBatch(entries: entries, submissions: [Self.slot(2, residual: "r")]))
        try database.commit(JournalBatch(rounds: (1...9).map { Self.round(UInt64($0)) }))
        database.close()
        let path = folder.path + "/ledger.sqlite"
        var random = SeededRandom(simulationSeed: seed)
        let count = try File.open(path, .read).byteCount()
        try flipBit(
            in: path, at: Int.random(in: 0..<count, using: &random), bit: Int.random(in: 0..<8, using: &random))
        do {
            let again = try open(folder)
            // Not noticed: then nothing that is stored may have changed.
            #expect(try again.journal() == entries)
            #expect(try again.slots() == [Self.slot(2, residual: "r")])
            #expect(try again.rounds(through: Height(9), count: 99).count == 9)
        } catch let error as StoreError {
            #expect(error.description.contains("ledger.sqlite"))
        }
    }

    @Test("A row that was changed behind SQLite's back is named with table and row")
    func namesRow() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        try database.commit(JournalBatch(entries: [Self.vote(1, 1), Self.vote(2, 1)]))
        try database.write { try $0.execute(sql: "UPDATE journal SET height = 7 WHERE sequence = 2") }
        #expect(
            throws: StoreError.damagedRow(file: database.path, table: "journal", row: "sequence 2")
        ) { try database.scrub() }
        database.close()
        #expect(
            throws: StoreError.damagedRow(file: database.path, table: "journal", row: "sequence 2")
        ) { try open(folder) }
    }

    @Test("A write-ahead log that was damaged or lost is noticed by the witness beside it")
    func noticesLostLog() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        for height in 1...5 { try database.commit(JournalBatch(entries: [Self.vote(UInt64(height), 1)])) }
        // A crash: the files are copied while the log is not merged yet, then one bit of the log flips.
        let copy = TemporaryFolder()
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.mark"] {
            let bytes = try File.contents(of: folder.path + "/" + name, limitBytes: 1 << 24)
            try File.open(copy.path + "/" + name, .create()).write(bytes, at: 0)
        }
        let log = copy.path + "/ledger.sqlite-wal"
        let count = try File.open(log, .read).byteCount()
        #expect(count > 4096)
        try flipBit(in: log, at: count - 100)
        let opened = try open(copy)
        guard case .lostJournal(_, let expected, let found)? = opened.loss else {
            throw TestFailure("the loss is not noticed")
        }
        #expect(expected == 5 && found < 5)
        #expect(try opened.journal().last == .abstention(Abstention(until: nil)))
        // Dealt with once, and what follows is numbered beyond what was lost.
        #expect(try opened.lastSequence() == 6)
        opened.close()
        let again = try open(copy)
        #expect(again.loss == nil)
        #expect(try again.journal().last == .abstention(Abstention(until: nil)))
        try again.commit(JournalBatch(entries: [.abstention(Abstention(until: Height(9)))]))
        #expect(try again.journal().filter { $0.kind == .abstention } == [.abstention(Abstention(until: Height(9)))])
    }

    @Test("A flipped bit of the witness is noticed, and the other place serves", arguments: 0..<80)
    func namesMark(place: Int) throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/mark"
        let mark = try JournalMark(path: path)
        try mark.record(41)
        try mark.record(42)
        try flipBit(in: path, at: place, bit: place % 8)
        let again = try JournalMark(path: path)
        #expect(again.damagedPlaces == [place / JournalMark.placeBytes])
        #expect(again.sequence == (place < JournalMark.placeBytes ? 42 : 41))
    }
}
