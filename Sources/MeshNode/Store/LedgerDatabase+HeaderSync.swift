import Foundation
import GRDB
import Ledger

/// The table `walked`: certified versions beyond the head, whose parameters are not here. Its rows are those of
/// `versions`, checksum included, so that a state sync moves them as they are.
extension LedgerDatabase {
    static let syncedHeaderTable = """
        CREATE TABLE IF NOT EXISTS walked(
            height INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL, checksum BLOB NOT NULL);
        """

    static func insertSyncedHeader(_ certified: CertifiedVersion, _ database: Database) throws {
        try database.execute(sql: "INSERT OR REPLACE INTO walked VALUES (?, ?, ?, ?)", arguments: row(of: certified))
    }

    /// What was synced up to `height` joins the chain; the rest is forgotten.
    static func stateSync(to certified: CertifiedVersion, _ database: Database) throws {
        let height = Int64(certified.height.value)
        try database.execute(
            sql: "INSERT INTO versions SELECT * FROM walked WHERE height <= ? ORDER BY height", arguments: [height])
        try forgetSyncedHeaders(database)
    }

    static func forgetSyncedHeaders(_ database: Database) throws { try database.execute(sql: "DELETE FROM walked") }

    func forgetSyncedHeaders() throws(StoreError) { try write { try LedgerDatabase.forgetSyncedHeaders($0) } }

    /// The synced header at `height`, held against its row's checksum; nil where there is none.
    func syncedHeader(at height: Height) throws(StoreError) -> CertifiedVersion? {
        let path = path
        return try read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM walked WHERE height = ?", arguments: [Int64(height.value)]
            ).map { try LedgerDatabase.version($0, path) }
        }
    }
}
