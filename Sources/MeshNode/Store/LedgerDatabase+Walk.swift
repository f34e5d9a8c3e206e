import Foundation
import GRDB
import Ledger

/// The table `walked`: certified versions beyond the head, whose parameters are not here. Its rows are those of
/// `versions`, checksum included, so that a jump moves them as they are.
extension LedgerDatabase {
    static let walkTable = """
        CREATE TABLE IF NOT EXISTS walked(
            height INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL, checksum BLOB NOT NULL);
        """

    static func insertWalked(_ certified: CertifiedVersion, _ database: Database) throws {
        try database.execute(sql: "INSERT OR REPLACE INTO walked VALUES (?, ?, ?, ?)", arguments: row(of: certified))
    }

    /// What was walked up to `height` joins the chain; the rest is forgotten.
    static func jump(to certified: CertifiedVersion, _ database: Database) throws {
        let height = Int64(certified.height.value)
        try database.execute(
            sql: "INSERT INTO versions SELECT * FROM walked WHERE height <= ? ORDER BY height", arguments: [height])
        try forgetWalk(database)
    }

    static func forgetWalk(_ database: Database) throws { try database.execute(sql: "DELETE FROM walked") }

    func forgetWalk() throws(StoreError) { try write { try LedgerDatabase.forgetWalk($0) } }

    /// The walked version at `height`, held against its row's checksum; nil where there is none.
    func walked(at height: Height) throws(StoreError) -> CertifiedVersion? {
        let path = path
        return try read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM walked WHERE height = ?", arguments: [Int64(height.value)]
            ).map { try LedgerDatabase.version($0, path) }
        }
    }
}
