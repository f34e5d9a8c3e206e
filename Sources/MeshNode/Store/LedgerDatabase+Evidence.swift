import Crypto
import Foundation
import GRDB
import Gossip
import Ledger

/// Evidence as it lies on disk.
struct EvidenceRow: Sendable, Equatable {
    /// Counts from 1 in the order of coming.
    let number: UInt64
    /// Seconds since 1970 by this machine's clock; for people.
    let heldAt: UInt64
    let evidence: Evidence
}

/// Evidence and certificates that contradict the chain are kept for ever.
extension LedgerDatabase {
    static func insert(_ evidence: Evidence, _ database: Database) throws {
        let name = evidence.name.bytes
        let isKnown = try Bool.fetchOne(
            database, sql: "SELECT EXISTS(SELECT 1 FROM evidence WHERE name = ?)", arguments: [Data(name)])
        guard isKnown != true else { return }
        let last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM evidence") ?? 0
        let number = UInt64(max(0, last)) + 1
        let heldAt = UInt64(max(0, time(nil)))
        let bytes = evidence.encoded
        try database.execute(
            sql: "INSERT INTO evidence VALUES (?, ?, ?, ?, ?)",
            arguments: [
                Int64(number), Data(name), Int64(heldAt), Data(bytes),
                Column.checksum("evidence", columns(number, name, heldAt, bytes)),
            ])
    }

    private static func columns(_ number: UInt64, _ name: [UInt8], _ heldAt: UInt64, _ bytes: [UInt8]) -> [CBOR] {
        [.unsigned(number), .bytes(name), .unsigned(heldAt), .bytes(bytes)]
    }

    /// All evidence, the first that came first.
    func evidence() throws(StoreError) -> [EvidenceRow] {
        try evidence("SELECT * FROM evidence ORDER BY number", [])
    }

    /// Evidence up to `number`, the newest first.
    func evidence(through number: UInt64, count: Int) throws(StoreError) -> [EvidenceRow] {
        try evidence(
            "SELECT * FROM evidence WHERE number <= ? ORDER BY number DESC LIMIT ?",
            [Int64(clamping: number), Int64(count)])
    }

    private func evidence(_ sql: String, _ arguments: StatementArguments) throws(StoreError) -> [EvidenceRow] {
        let path = path
        return try read { database in
            let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
            var found: [EvidenceRow] = []
            while let row = try rows.next() { found.append(try LedgerDatabase.evidence(row, path)) }
            return found
        }
    }

    static func evidence(_ row: Row, _ path: String) throws(StoreError) -> EvidenceRow {
        let place = "number \((row["number"] as DatabaseValue?)?.description ?? "?")"
        let number = try Column.unsigned(row, "number", "evidence", place, path)
        let name = try Column.bytes(row, "name", "evidence", place, path)
        let heldAt = try Column.unsigned(row, "held", "evidence", place, path)
        let bytes = try Column.bytes(row, "bytes", "evidence", place, path)
        try Column.check(row, columns(number, name, heldAt, bytes), "evidence", place, path)
        do throws(Ledger.RecordError) {
            let evidence = try Evidence(encoded: bytes)
            guard evidence.name.bytes == name else { throw .outOfRange(key: "name") }
            return EvidenceRow(number: number, heldAt: heldAt, evidence: evidence)
        } catch {
            throw .inconsistent(file: path, table: "evidence", row: place, problem: "\(error)")
        }
    }

    /// Everything of this kind as one file for an outsider.
    func evidenceFile(network: NetworkID) throws(StoreError) -> EvidenceFile {
        let rows = try evidence()
        let certificates = try journal().compactMap { entry in
            if case .conflictingCertificate(let certificate) = entry { certificate } else { nil }
        }
        return EvidenceFile(
            network: network, evidence: rows.prefix(EvidenceFile.evidenceMaximum).map(\.evidence),
            certificates: Array(certificates.prefix(EvidenceFile.certificatesMaximum)))
    }
}
