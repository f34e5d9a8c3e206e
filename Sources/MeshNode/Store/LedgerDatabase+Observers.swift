import Crypto
import GRDB
import Ledger

/// Invited sites, a row of the table `meta` each.
extension LedgerDatabase {
    private static let prefix = "observer "

    /// By ascending member id.
    func observers() throws(StoreError) -> [SignedCard] {
        let keys = try read { database in
            try String.fetchAll(
                database, sql: "SELECT key FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key",
                arguments: [LedgerDatabase.prefix.utf8.count, LedgerDatabase.prefix])
        }
        var cards: [SignedCard] = []
        for key in keys {
            guard let bytes = Hex.decode(try meta(key) ?? ""), let card = try? SignedCard(encoded: bytes) else {
                throw .inconsistent(file: path, table: "meta", row: key, problem: "holds no card")
            }
            cards.append(card)
        }
        return cards
    }

    func insert(observer card: SignedCard) throws(StoreError) {
        try write { database in
            try LedgerDatabase.setMeta(
                LedgerDatabase.prefix + card.card.member.id.description, Hex.encode(card.encoded), database)
        }
    }

    func remove(observer id: MemberID) throws(StoreError) {
        try write { database in
            try database.execute(
                sql: "DELETE FROM meta WHERE key = ?", arguments: [LedgerDatabase.prefix + id.description])
        }
    }
}
