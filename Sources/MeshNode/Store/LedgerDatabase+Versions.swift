import Foundation
import GRDB
import Ledger

extension LedgerDatabase {
    static func insert(_ certified: CertifiedVersion, _ database: Database) throws {
        try database.execute(sql: "INSERT INTO versions VALUES (?, ?, ?, ?)", arguments: row(of: certified))
    }

    static func row(of certified: CertifiedVersion) -> StatementArguments {
        let digest = certified.version.versionDigest.digest.bytes
        let bytes = certified.encoded
        return [
            Int64(certified.height.value), Data(digest), Data(bytes),
            Column.checksum("versions", [.unsigned(certified.height.value), .bytes(digest), .bytes(bytes)]),
        ]
    }

    /// The version at `height`, held against its row's checksum; nil where there is none.
    func version(at height: Height) throws(StoreError) -> CertifiedVersion? {
        try versions(in: height...height).first
    }

    /// The versions of a range that are here, ascending.
    func versions(in range: ClosedRange<Height>) throws(StoreError) -> [CertifiedVersion] {
        let path = path
        return try read { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT * FROM versions WHERE height BETWEEN ? AND ? ORDER BY height",
                arguments: [Int64(range.lowerBound.value), Int64(range.upperBound.value)])
            var versions: [CertifiedVersion] = []
            while let row = try rows.next() { versions.append(try LedgerDatabase.version(row, path)) }
            return versions
        }
    }

    /// The highest height that was adopted; nil at genesis.
    func headHeight() throws(StoreError) -> Height? {
        try read { database in
            try Int64.fetchOne(database, sql: "SELECT max(height) FROM versions").map { Height(UInt64(max(0, $0))) }
        }
    }

    static func version(_ row: Row, _ path: String) throws(StoreError) -> CertifiedVersion {
        let name = "height \((row["height"] as DatabaseValue?)?.description ?? "?")"
        let height = try Column.unsigned(row, "height", "versions", name, path)
        let digest = try Column.digest(row, "digest", "versions", name, path)
        let bytes = try Column.bytes(row, "bytes", "versions", name, path)
        try Column.check(
            row, [.unsigned(height), .bytes(digest.bytes), .bytes(bytes)], "versions", name, path)
        let certified: CertifiedVersion
        do throws(Ledger.RecordError) {
            certified = try CertifiedVersion(encoded: bytes)
        } catch {
            throw .inconsistent(file: path, table: "versions", row: name, problem: "\(error)")
        }
        guard certified.height.value == height, certified.version.digest == digest else {
            throw .inconsistent(file: path, table: "versions", row: name, problem: "another version lies here")
        }
        return certified
    }

    // MARK: Rounds

    static func insert(_ round: RoundRow, _ database: Database) throws {
        let bytes = round.cbor.encoded
        try database.execute(
            sql: "INSERT OR REPLACE INTO rounds VALUES (?, ?, ?)",
            arguments: [
                Int64(round.height.value), Data(bytes),
                Column.checksum("rounds", [.unsigned(round.height.value), .bytes(bytes)]),
            ])
    }

    /// Rounds up to `height`, the highest first.
    func rounds(through height: Height, count: Int) throws(StoreError) -> [RoundRow] {
        let path = path
        return try read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM rounds WHERE height <= ? ORDER BY height DESC LIMIT ?",
                arguments: [Int64(clamping: height.value), count]
            ).map { try LedgerDatabase.round($0, path) }
        }
    }

    private static func round(_ row: Row, _ path: String) throws(StoreError) -> RoundRow {
        let name = "height \((row["height"] as DatabaseValue?)?.description ?? "?")"
        let height = try Column.unsigned(row, "height", "rounds", name, path)
        let bytes = try Column.bytes(row, "bytes", "rounds", name, path)
        try Column.check(row, [.unsigned(height), .bytes(bytes)], "rounds", name, path)
        guard let value = try? CBOR(encoded: bytes), let round = RoundRow(cbor: value), round.height.value == height
        else { throw .inconsistent(file: path, table: "rounds", row: name, problem: "is not a round") }
        return round
    }

    // MARK: Checks

    /// Reads every row of every table against its checksum.
    func checkAllRows() throws(StoreError) {
        _ = try journal()
        _ = try slots()
        for key in try metaKeys() { _ = try meta(key) }
        try checkRows(of: "versions") { (row, path) throws(StoreError) in _ = try LedgerDatabase.version(row, path) }
        try checkRows(of: "rounds") { (row, path) throws(StoreError) in _ = try LedgerDatabase.round(row, path) }
        try checkRows(of: "evidence") { (row, path) throws(StoreError) in
            _ = try LedgerDatabase.evidence(row, path)
        }
        try checkRows(of: "decisions") { (row, path) throws(StoreError) in _ = try LedgerDatabase.decision(row, path) }
        try checkRows(of: "decision_operators") { (row, path) throws(StoreError) in
            try LedgerDatabase.checkDecisionOperator(row, path)
        }
    }

    private func checkRows(
        of table: String, _ check: (Row, String) throws(StoreError) -> Void
    ) throws(StoreError) {
        let path = path
        try read { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM \(table)")
            while let row = try rows.next() { try check(row, path) }
        }
    }

    private func metaKeys() throws(StoreError) -> [String] {
        try read { try String.fetchAll($0, sql: "SELECT key FROM meta ORDER BY key") }
    }

    /// The same checks while the daemon runs, on what lies on the disk and not in SQLite's cache.
    func scrub() throws(StoreError) {
        queue.releaseMemory()
        try checkStructure()
        try checkAllRows()
    }
}
