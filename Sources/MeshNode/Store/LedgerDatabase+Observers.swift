import Crypto
import GRDB
import Ledger

/// Invited sites and what is remembered of withdrawn ones, a row of the table `meta` each.
extension LedgerDatabase {
    private static let invited = "observer "
    private static let withdrawn = "withdrawn "

    /// - Parameter site: this site's member id.
    func observers(of site: MemberID) throws(StoreError) -> Observers {
        var invitations: [SignedInvitation] = []
        for (row, text) in try rows(LedgerDatabase.invited) {
            guard let bytes = Hex.decode(text), let signed = try? SignedInvitation(encoded: bytes) else {
                throw .inconsistent(file: path, table: "meta", row: row, problem: "holds no invitation")
            }
            invitations.append(signed)
        }
        var withdrawn: [MemberID: Observers.Withdrawn] = [:]
        for (row, text) in try rows(LedgerDatabase.withdrawn) {
            let numbers = text.split(separator: " ").compactMap { UInt64($0) }
            guard let id = Digest(hex: String(row.dropFirst(LedgerDatabase.withdrawn.count))), numbers.count == 2 else {
                throw .inconsistent(file: path, table: "meta", row: row, problem: "holds no withdrawn invitation")
            }
            withdrawn[MemberID(id)] = Observers.Withdrawn(sequence: numbers[0], expires: Height(numbers[1]))
        }
        return Observers(site: site, invitations, withdrawn: withdrawn)
    }

    private func rows(_ prefix: String) throws(StoreError) -> [(row: String, text: String)] {
        let keys = try read { database in
            try String.fetchAll(
                database, sql: "SELECT key FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key",
                arguments: [prefix.utf8.count, prefix])
        }
        var rows: [(row: String, text: String)] = []
        for key in keys { rows.append((key, try meta(key) ?? "")) }
        return rows
    }

    func insert(observer signed: SignedInvitation) throws(StoreError) {
        let id = signed.invitation.invitee.id.description
        try write { database in
            try LedgerDatabase.setMeta(LedgerDatabase.invited + id, Hex.encode(signed.encoded), database)
            try LedgerDatabase.removeMeta(LedgerDatabase.withdrawn + id, database)
        }
    }

    /// - Parameter tombstone: what is remembered in its place; nil for nothing.
    func remove(observer id: MemberID, leaving tombstone: Observers.Withdrawn?) throws(StoreError) {
        try write { database in
            try LedgerDatabase.removeMeta(LedgerDatabase.invited + id.description, database)
            guard let tombstone else {
                return try LedgerDatabase.removeMeta(LedgerDatabase.withdrawn + id.description, database)
            }
            try LedgerDatabase.setMeta(
                LedgerDatabase.withdrawn + id.description, "\(tombstone.sequence) \(tombstone.expires.value)", database)
        }
    }

    private static func removeMeta(_ key: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM meta WHERE key = ?", arguments: [key])
    }
}
