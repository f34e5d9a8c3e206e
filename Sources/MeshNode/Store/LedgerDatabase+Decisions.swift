import Crypto
import Foundation
import GRDB
import Gossip
import Ledger

/// A proposal that was decided on, as this site saw it. For people; nothing is decided by it.
struct DecisionRow: Sendable, Equatable {
    let signed: SignedGovernanceAction
    /// By ascending signer.
    let verdicts: [SignedProposalVerdict]
    let end: ProposalEnd
    let height: Height
    /// Seconds since 1970 by this machine's clock; nil for what only the ledger tells.
    let at: UInt64?
}

extension LedgerDatabase {
    /// The newest are kept.
    static let decisionsMaximum = 1024

    static let decisionTable = """
        CREATE TABLE IF NOT EXISTS decisions(
            number INTEGER PRIMARY KEY AUTOINCREMENT, action BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL,
            checksum BLOB NOT NULL);
        """

    /// A later end of the same action takes the place of the one before.
    func insert(_ decision: DecisionRow) throws(StoreError) {
        try write { database in
            let action = decision.signed.action.digest.bytes
            let bytes = decision.cbor.encoded
            try database.execute(sql: "DELETE FROM decisions WHERE action = ?", arguments: [Data(action)])
            try database.execute(
                sql: "INSERT INTO decisions(action, bytes, checksum) VALUES (?, ?, ?)",
                arguments: [
                    Data(action), Data(bytes), Column.checksum("decisions", [.bytes(action), .bytes(bytes)]),
                ])
            try database.execute(
                sql: "DELETE FROM decisions WHERE number <= (SELECT max(number) FROM decisions) - ?",
                arguments: [LedgerDatabase.decisionsMaximum])
        }
    }

    /// The first that came first.
    func decisions() throws(StoreError) -> [DecisionRow] {
        let path = path
        return try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM decisions ORDER BY number").map {
                try LedgerDatabase.decision($0, path)
            }
        }
    }

    static func decision(_ row: Row, _ path: String) throws(StoreError) -> DecisionRow {
        let name = "number \((row["number"] as DatabaseValue?)?.description ?? "?")"
        let action = try Column.bytes(row, "action", "decisions", name, path)
        let bytes = try Column.bytes(row, "bytes", "decisions", name, path)
        try Column.check(row, [.bytes(action), .bytes(bytes)], "decisions", name, path)
        do throws(Ledger.RecordError) {
            let decision = try DecisionRow(cbor: CBOR(encoded: bytes))
            guard decision.signed.action.digest.bytes == action else { throw .outOfRange(key: "action") }
            return decision
        } catch {
            throw .inconsistent(file: path, table: "decisions", row: name, problem: "\(error)")
        }
    }
}

extension DecisionRow {
    var cbor: CBOR {
        .record([
            "signed": signed.cbor, "verdicts": .records(verdicts), "end": .text(end.rawValue),
            "height": .height(height), "at": .unsigned(at ?? 0),
        ])
    }

    init(cbor: CBOR) throws(Ledger.RecordError) {
        var reader = try RecordReader(cbor)
        signed = try reader.record("signed")
        verdicts = try reader.records("verdicts", limit: Limits.members)
        let word = try reader.text("end", limit: 16)
        guard let end = ProposalEnd(rawValue: word) else { throw .unknownVariant(key: "end", value: word) }
        self.end = end
        height = try reader.height("height")
        at = try reader.unsigned("at")
        try reader.finish()
    }
}
