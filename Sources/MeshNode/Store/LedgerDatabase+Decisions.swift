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

extension DecisionRow {
    /// Operators that signed it or were against it.
    var operators: Set<MemberID> { Set(signed.operators.map(\.signer) + verdicts.map(\.signer)) }
}

/// Kept by operator, so that an operator that proposes and withdraws repeatedly displaces only its own decisions.
extension LedgerDatabase {
    /// Of each operator the newest decisions in which it took part are kept.
    static let decisionsOfOperatorMaximum = 64
    /// Of one version so many are shown, the newest of them.
    static let decisionsOfHeightMaximum = 30

    static let decisionTables = """
        CREATE TABLE IF NOT EXISTS decisions(
            number INTEGER PRIMARY KEY AUTOINCREMENT, action BLOB NOT NULL UNIQUE, height INTEGER NOT NULL,
            bytes BLOB NOT NULL, checksum BLOB NOT NULL);
        CREATE INDEX IF NOT EXISTS decision_heights ON decisions(height, number);
        CREATE TABLE IF NOT EXISTS decision_operators(
            operator BLOB NOT NULL, number INTEGER NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY(operator, number))
            WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS decision_numbers ON decision_operators(number);
        """

    /// A later end of the same action takes the place of the one before.
    func insert(_ decision: DecisionRow) throws(StoreError) {
        try write { database in
            let action = decision.signed.action.digest.bytes
            if let old = try Int64.fetchOne(
                database, sql: "SELECT number FROM decisions WHERE action = ?", arguments: [Data(action)])
            {
                try LedgerDatabase.deleteDecision(old, database)
            }
            let (height, bytes) = (decision.height.value, decision.cbor.encoded)
            try database.execute(
                sql: "INSERT INTO decisions(action, height, bytes, checksum) VALUES (?, ?, ?, ?)",
                arguments: [
                    Data(action), Int64(clamping: height), Data(bytes),
                    Column.checksum("decisions", [.bytes(action), .unsigned(height), .bytes(bytes)]),
                ])
            try LedgerDatabase.charge(decision.operators, number: database.lastInsertedRowID, database)
        }
    }

    private static func deleteDecision(_ number: Int64, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM decision_operators WHERE number = ?", arguments: [number])
        try database.execute(sql: "DELETE FROM decisions WHERE number = ?", arguments: [number])
    }

    /// Notes that these operators took part, and drops what none of them has a place for any more.
    private static func charge(_ operators: Set<MemberID>, number: Int64, _ database: Database) throws {
        for member in operators.sorted() {
            let id = member.digest.bytes
            try database.execute(
                sql: "INSERT INTO decision_operators VALUES (?, ?, ?)",
                arguments: [
                    Data(id), number,
                    Column.checksum("decision_operators", [.bytes(id), .unsigned(UInt64(max(0, number)))]),
                ])
            let old = try Int64.fetchAll(
                database,
                sql: "SELECT number FROM decision_operators WHERE operator = ? ORDER BY number DESC LIMIT -1 OFFSET ?",
                arguments: [Data(id), decisionsOfOperatorMaximum])
            for number in old {
                try database.execute(
                    sql: "DELETE FROM decision_operators WHERE operator = ? AND number = ?",
                    arguments: [Data(id), number])
                let isCharged = try Bool.fetchOne(
                    database, sql: "SELECT EXISTS(SELECT 1 FROM decision_operators WHERE number = ?)",
                    arguments: [number])
                if isCharged != true { try deleteDecision(number, database) }
            }
        }
    }

    /// What ended at these heights, the highest first, and of one height the newest first.
    func decisions(in heights: ClosedRange<Height>) throws(StoreError) -> [DecisionRow] {
        let path = path
        return try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM (
                        SELECT *, row_number() OVER (PARTITION BY height ORDER BY number DESC) AS place
                        FROM decisions WHERE height BETWEEN ? AND ?)
                    WHERE place <= ? ORDER BY height DESC, number DESC
                    """,
                arguments: [
                    Int64(clamping: heights.lowerBound.value), Int64(clamping: heights.upperBound.value),
                    LedgerDatabase.decisionsOfHeightMaximum,
                ]
            ).map { try LedgerDatabase.decision($0, path) }
        }
    }

    static func decision(_ row: Row, _ path: String) throws(StoreError) -> DecisionRow {
        let name = "number \((row["number"] as DatabaseValue?)?.description ?? "?")"
        let action = try Column.bytes(row, "action", "decisions", name, path)
        let height = try Column.unsigned(row, "height", "decisions", name, path)
        let bytes = try Column.bytes(row, "bytes", "decisions", name, path)
        try Column.check(row, [.bytes(action), .unsigned(height), .bytes(bytes)], "decisions", name, path)
        do throws(Ledger.RecordError) {
            let decision = try DecisionRow(cbor: CBOR(encoded: bytes))
            guard decision.signed.action.digest.bytes == action else { throw .outOfRange(key: "action") }
            guard decision.height.value == height else { throw .outOfRange(key: "height") }
            return decision
        } catch {
            throw .inconsistent(file: path, table: "decisions", row: name, problem: "\(error)")
        }
    }

    static func checkDecisionOperator(_ row: Row, _ path: String) throws(StoreError) {
        let name = "number \((row["number"] as DatabaseValue?)?.description ?? "?")"
        let id = try Column.bytes(row, "operator", "decision_operators", name, path)
        let number = try Column.unsigned(row, "number", "decision_operators", name, path)
        try Column.check(row, [.bytes(id), .unsigned(number)], "decision_operators", name, path)
    }
}

extension DecisionRow {
    var cbor: CBOR {
        .array([
            signed.cbor, .array(verdicts.map(\.cbor)), .text(end.rawValue), .unsigned(height.value),
            .unsigned(at ?? 0),
        ])
    }

    init(cbor: CBOR) throws(Ledger.RecordError) {
        guard case .array(let items) = cbor, items.count == 5, case .array(let verdicts) = items[1],
            verdicts.count <= Limits.members, case .text(let word) = items[2], let end = ProposalEnd(rawValue: word),
            case .unsigned(let height) = items[3], height <= Limits.heightMaximum, case .unsigned(let at) = items[4]
        else { throw .wrongType(key: "decision") }
        signed = try SignedGovernanceAction(cbor: items[0])
        var signedVerdicts: [SignedProposalVerdict] = []
        for verdict in verdicts { signedVerdicts.append(try SignedProposalVerdict(cbor: verdict)) }
        self.verdicts = signedVerdicts
        self.end = end
        self.height = Height(height)
        self.at = at
    }
}
