import Control
import Ledger

/// Collects something of versions, the newest first. What it holds is bounded.
protocol LedgerSearch: Sendable {
    /// Reads what it needs besides of these heights, before it is shown their versions.
    mutating func prepare(_ heights: ClosedRange<Height>, _ database: LedgerDatabase) throws(StoreError)

    /// - Returns: whether no lower version can change what was found.
    mutating func meets(_ certified: CertifiedVersion) -> Bool

    /// Below version 1 there is nothing more.
    mutating func meetsGenesis()
}

extension LedgerSearch {
    mutating func prepare(_ heights: ClosedRange<Height>, _ database: LedgerDatabase) throws(StoreError) {}
    mutating func meetsGenesis() {}
}

extension ControlServer {
    /// Versions that a search reads at once.
    static var searchedAtOnce: UInt64 { 16 }

    /// Shows a search every version from `top` down. Some versions at a time: the journal's thread has commits to make.
    func search<Search: LedgerSearch>(
        _ search: Search, through top: Height, _ id: Int64, _ connection: ControlConnection,
        _ answer: @escaping (Search) -> Void
    ) {
        guard connection.isOpen else { return }
        let bottom = Height(
            top.value >= ControlServer.searchedAtOnce ? top.value - ControlServer.searchedAtOnce + 1 : 0)
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> (search: Search, isDone: Bool) in
                var search = search
                try search.prepare(bottom...top, database)
                for certified in try database.versions(in: bottom...top).reversed() where search.meets(certified) {
                    return (search, true)
                }
                if bottom == .genesis { search.meetsGenesis() }
                return (search, bottom == .genesis)
            },
            { [weak self] found in
                guard !found.isDone else { return answer(found.search) }
                self?.search(found.search, through: Height(bottom.value - 1), id, connection, answer)
            })
    }
}
