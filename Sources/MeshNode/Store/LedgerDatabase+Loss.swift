import Foundation
import GRDB
import Gossip
import Ledger
import System

extension LedgerDatabase {
    /// Takes the journal for lost: the core reads so at the start, and signs nothing until a quorum of others has said
    /// how far it is. The entry's sequence lies beyond the witness, so that one loss is dealt with once.
    func declareLoss() throws(StoreError) {
        let witnessed = mark.sequence
        let last = try write { database in
            let last = max(try LedgerDatabase.lastSequence(database), witnessed)
            try database.execute(sql: "DELETE FROM sqlite_sequence WHERE name = 'journal'")
            try database.execute(
                sql: "INSERT INTO sqlite_sequence(name, seq) VALUES ('journal', ?)", arguments: [Int64(last)])
            try LedgerDatabase.insert(.abstention(Abstention(until: nil)), database)
            return try LedgerDatabase.lastSequence(database)
        }
        try stored(mark.record(last))
    }

    /// The last abstention counts, so that only it is kept.
    static func deleteAbstentions(_ database: Database) throws {
        try database.execute(sql: "DELETE FROM journal WHERE kind = 'abstention'")
    }
}

extension StateDirectory {
    /// An empty file of `meshctl recover`: the state came from a backup, so the journal counts as lost.
    var recoveryRequest: String { path + "/recover" }

    /// Carries the request out once: a crash in between repeats it, which costs time only.
    ///
    /// - Returns: whether there was one.
    func takeRecoveryRequest(_ database: LedgerDatabase) throws(StoreError) -> Bool {
        guard File.exists(recoveryRequest) else { return false }
        try database.declareLoss()
        File.remove(recoveryRequest)
        try stored(Folder.synchronize(path))
        return true
    }
}
