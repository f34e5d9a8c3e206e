import Crypto
import GRDB
import Gossip
import Ledger
import System

/// `ledger.sqlite`: the journal, the versions, this site's slots, the history of rounds. Write-ahead log, synchronous
/// FULL, held exclusively; every row carries a BLAKE2b checksum over all of its columns.
///
/// Any thread may call it; calls run one at a time.
final class LedgerDatabase: JournalSink {
    let path: String
    let queue: DatabaseQueue
    let mark: JournalMark
    /// What the witness beside the database remembers and its journal lacks; nil where nothing.
    let loss: StoreError?

    static let format = "1"

    /// Opens or makes the database and checks its structure and every row.
    ///
    /// - Throws: `database` where SQLite finds it damaged, `damagedRow`, `wrongNetwork`, `unsupportedFormat`.
    init(path: String, markPath: String, network: NetworkID) throws(StoreError) {
        self.path = path
        mark = try stored(JournalMark(path: markPath))
        // SQLite would wait for the other end of a named pipe; and it gives its log the mode of the database.
        for file in [path, path + "-wal", path + "-journal"] where file == path || File.exists(file) {
            try stored(File.open(file, .create()).setMode(0o600))
        }
        do {
            var configuration = GRDB.Configuration()
            configuration.foreignKeysEnabled = false
            configuration.prepareDatabase { database in
                // Exclusive before the log is first used: then there is no shared-memory file either.
                try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
                try database.execute(sql: "PRAGMA cache_size = -2048")
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { database in
                _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            try queue.write { try LedgerDatabase.makeTables($0) }
        } catch {
            throw LedgerDatabase.storeError(error, path: path)
        }
        let last = try LedgerDatabase.lastSequence(queue, path)
        loss =
            last < mark.sequence
            ? .lostJournal(file: path, expectedSequence: mark.sequence, foundSequence: last) : nil
        try checkStructure()
        try checkMeta(network: network)
        try checkAllRows()
        if loss != nil { try declareLoss() }
    }

    func close() { try? queue.close() }

    private static func makeTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS meta(
                    key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS journal(
                    sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, height INTEGER,
                    bytes BLOB NOT NULL, checksum BLOB NOT NULL);
                CREATE TABLE IF NOT EXISTS versions(
                    height INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL, checksum BLOB NOT NULL);
                CREATE TABLE IF NOT EXISTS slots(
                    base BLOB NOT NULL PRIMARY KEY, height INTEGER NOT NULL, contribution BLOB NOT NULL, residual TEXT,
                    state TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS evidence(
                    number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, held INTEGER NOT NULL, bytes BLOB NOT NULL,
                    checksum BLOB NOT NULL);
                CREATE TABLE IF NOT EXISTS rounds(
                    height INTEGER PRIMARY KEY, bytes BLOB NOT NULL, checksum BLOB NOT NULL);
                """ + syncedHeaderTable + decisionTables)
    }

    /// SQLite's own check: pages, cells, free space, order of keys.
    func checkStructure() throws(StoreError) {
        let problems = try read { database in
            try String.fetchAll(database, sql: "PRAGMA integrity_check(5)")
        }
        guard problems == ["ok"] else {
            throw .database(file: path, message: "damaged: \(problems.joined(separator: "; "))")
        }
    }

    private func checkMeta(network: NetworkID) throws(StoreError) {
        if let format = try meta("format") {
            guard format == LedgerDatabase.format else { throw .unsupportedFormat(file: path, found: format) }
            let found = try meta("network") ?? "unknown"
            guard found == network.description else {
                throw .wrongNetwork(file: path, expected: network.short, found: String(found.prefix(12)))
            }
            return
        }
        try write { database in
            try LedgerDatabase.setMeta("format", LedgerDatabase.format, database)
            try LedgerDatabase.setMeta("network", network.description, database)
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try queue.read(body) } catch { throw LedgerDatabase.storeError(error, path: path) }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try queue.write(body) } catch { throw LedgerDatabase.storeError(error, path: path) }
    }

    static func storeError(_ error: any Error, path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        if let error = error as? DatabaseError {
            return .database(
                file: path, message: "\(error.message ?? "SQLite error") (code \(error.extendedResultCode.rawValue))")
        }
        return .database(file: path, message: "\(error)")
    }

    // MARK: Meta

    func meta(_ key: String) throws(StoreError) -> String? {
        let path = path
        return try read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM meta WHERE key = ?", arguments: [key])
            else { return nil }
            let value = try Column.text(row, "value", "meta", key, path)
            try Column.check(row, [.text(key), .text(value)], "meta", key, path)
            return value
        }
    }

    static func setMeta(_ key: String, _ value: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)",
            arguments: [key, value, Column.checksum("meta", [.text(key), .text(value)])])
    }
}
