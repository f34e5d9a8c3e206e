import Foundation
import GRDB
import Gossip
import Ledger
import System

extension LedgerDatabase {
    /// One transaction: entries, adopted versions, slots with their residuals, rounds. Returns after SQLite's sync.
    func commit(_ batch: JournalBatch) throws(StoreError) {
        let last = try write { database in
            for entry in batch.entries { try LedgerDatabase.insert(entry, database) }
            for row in batch.submissions {
                try LedgerDatabase.insert(row, database)
                if let residual = row.residual { try LedgerDatabase.setMeta("residual", residual, database) }
            }
            for back in batch.returns { try returnSlot(back, database) }
            for base in batch.settlements { try endSlot(base, as: .settled, database) }
            for round in batch.rounds { try LedgerDatabase.insert(round, database) }
            return try LedgerDatabase.lastSequence(database)
        }
        // The rows are durable whether or not the witness can be written; it may lag, never lead.
        do throws(FileError) { try mark.record(last) } catch { _ = error }
    }

    static func insert(_ entry: JournalEntry, _ database: Database) throws {
        switch entry {
        case .adopt(let certified):
            try forgetSyncedHeaders(database)
            return try insert(certified, database)
        case .headerSynced(let certified): return try insertSyncedHeader(certified, database)
        case .stateSynced(let certified): return try stateSync(to: certified, database)
        case .evidence(let evidence): return try insert(evidence, database)
        case .address(let signed): try deleteAddresses(of: signed.body.member, database)
        case .abstention: try deleteAbstentions(database)
        default: break
        }
        // The sequence is part of the checksum, so it is chosen here and not by SQLite.
        let sequence = try lastSequence(database) + 1
        let bytes = entry.encoded
        try database.execute(
            sql: "INSERT INTO journal VALUES (?, ?, ?, ?, ?)",
            arguments: [
                Int64(sequence), entry.kind.rawValue, entry.height.map { Int64($0.value) }, Data(bytes),
                Column.checksum(
                    "journal",
                    [
                        .unsigned(sequence), .text(entry.kind.rawValue), .optionalColumn(entry.height?.value),
                        .bytes(bytes),
                    ]),
            ])
    }

    /// Of a member's address records only the newest is kept; the core hands over no older one.
    private static func deleteAddresses(of member: MemberID, _ database: Database) throws {
        let rows = try Row.fetchAll(database, sql: "SELECT * FROM journal WHERE kind = 'address'")
        for row in rows {
            guard let data = row["bytes"] as Data?, let sequence = row["sequence"] as Int64?,
                let old = try? Signed<AddressRecord>(encoded: [UInt8](data)), old.body.member == member
            else { continue }
            try database.execute(sql: "DELETE FROM journal WHERE sequence = ?", arguments: [sequence])
        }
    }

    /// The highest sequence ever used: AUTOINCREMENT remembers it when the rows are gone.
    static func lastSequence(_ database: Database) throws -> UInt64 {
        let last = try Int64.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
        return UInt64(max(0, last ?? 0))
    }

    /// Of a database that is only being opened.
    static func lastSequence(_ queue: DatabaseQueue, _ path: String) throws(StoreError) -> UInt64 {
        do { return try queue.read { try lastSequence($0) } } catch { throw storeError(error, path: path) }
    }

    func lastSequence() throws(StoreError) -> UInt64 { try read { try LedgerDatabase.lastSequence($0) } }

    /// All journal entries but adoptions and evidence, in the order in which they became durable. Every row is held
    /// against its checksum.
    func journal() throws(StoreError) -> [JournalEntry] {
        let path = path
        return try read { database in
            var entries: [JournalEntry] = []
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM journal ORDER BY sequence")
            while let row = try rows.next() { entries.append(try LedgerDatabase.entry(row, path)) }
            return entries
        }
    }

    static func entry(_ row: Row, _ path: String) throws(StoreError) -> JournalEntry {
        let name = "sequence \((row["sequence"] as DatabaseValue?)?.description ?? "?")"
        let sequence = try Column.unsigned(row, "sequence", "journal", name, path)
        let kindText = try Column.text(row, "kind", "journal", name, path)
        let height = try Column.optionalUnsigned(row, "height", "journal", name, path)
        let bytes = try Column.bytes(row, "bytes", "journal", name, path)
        try Column.check(
            row, [.unsigned(sequence), .text(kindText), .optionalColumn(height), .bytes(bytes)], "journal", name, path)
        guard let kind = JournalEntry.Kind(rawValue: kindText) else {
            throw .inconsistent(file: path, table: "journal", row: name, problem: "unknown kind \(kindText)")
        }
        do throws(Ledger.RecordError) {
            return try JournalEntry(kind: kind, encoded: bytes)
        } catch {
            throw .inconsistent(file: path, table: "journal", row: name, problem: "\(error)")
        }
    }

    /// Drops entries below `height`, whose decisions the chain has made. Addresses stay.
    func pruneJournal(below height: Height) throws(StoreError) {
        try write { database in
            try database.execute(
                sql: "DELETE FROM journal WHERE height IS NOT NULL AND height < ?", arguments: [Int64(height.value)])
        }
    }

    // MARK: Slots

    private static func insert(_ row: SlotRow, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO slots VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                Data(row.base.digest.bytes), Int64(row.baseHeight.value), Data(row.contribution.digest.bytes),
                row.residual, row.state.rawValue, Column.checksum("slots", columns(of: row)),
            ])
    }

    private func returnSlot(_ back: ResidualReturn, _ database: Database) throws {
        // Given back once: a second notice of the same contribution must not add it to the residual again.
        guard try endSlot(back.base, as: .returned, database) else { return }
        try LedgerDatabase.setMeta("residual", back.residual, database)
    }

    /// Gives a slot its last state; false where there is no such slot or it has its last state.
    @discardableResult
    private func endSlot(_ base: VersionDigest, as state: SlotRow.State, _ database: Database) throws -> Bool {
        let key = Data(base.digest.bytes)
        guard let found = try Row.fetchOne(database, sql: "SELECT * FROM slots WHERE base = ?", arguments: [key])
        else { return false }
        var row = try LedgerDatabase.slot(found, path)
        guard row.state == .sent else { return false }
        row.state = state
        try database.execute(
            sql: "UPDATE slots SET state = ?, checksum = ? WHERE base = ?",
            arguments: [row.state.rawValue, Column.checksum("slots", LedgerDatabase.columns(of: row)), key])
        return true
    }

    private static func columns(of row: SlotRow) -> [CBOR] {
        [
            .bytes(row.base.digest.bytes), .unsigned(row.baseHeight.value), .bytes(row.contribution.digest.bytes),
            .optionalColumn(row.residual), .text(row.state.rawValue),
        ]
    }

    private static func slot(_ row: Row, _ path: String) throws(StoreError) -> SlotRow {
        let name = "height \((row["height"] as DatabaseValue?)?.description ?? "?")"
        let stateText = try Column.text(row, "state", "slots", name, path)
        guard let state = SlotRow.State(rawValue: stateText) else {
            throw .damagedRow(file: path, table: "slots", row: name)
        }
        let slot = SlotRow(
            base: VersionDigest(try Column.digest(row, "base", "slots", name, path)),
            baseHeight: Height(try Column.unsigned(row, "height", "slots", name, path)),
            contribution: ContributionDigest(try Column.digest(row, "contribution", "slots", name, path)),
            residual: try Column.optionalText(row, "residual", "slots", name, path), state: state)
        try Column.check(row, columns(of: slot), "slots", name, path)
        return slot
    }

    /// All slots that this site ever took, by ascending height.
    func slots() throws(StoreError) -> [SlotRow] {
        let path = path
        return try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM slots ORDER BY height").map {
                try LedgerDatabase.slot($0, path)
            }
        }
    }
}
