import Foundation
import TestKit
import Testing

@testable import MeshNode

/// What stands where a file of the state must be is refused by name, and does not hold the daemon up.
struct FileKindTests {
    @Test("A named pipe in the ledger's place is refused")
    func refusesPipeAsLedger() throws {
        let sites = try TestSites(["a", "b", "c", "d"])
        defer { sites.end() }
        let state = try StateDirectory(path: sites.state(0))
        #expect(mkfifo(state.database, 0o600) == 0)
        #expect(throws: StoreError.file(.notARegularFile(file: state.database))) {
            try LedgerDatabase(path: state.database, markPath: state.mark, network: sites.genesis.network)
        }
    }
}
