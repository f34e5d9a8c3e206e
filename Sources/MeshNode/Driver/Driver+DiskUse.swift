import EventLoop
import Gossip
import Ledger
import Link
import System

/// What the state directory holds, counted by a worker.
struct StateUse: Sendable {
    let ledgerBytes: Int
    let payloadBytes: Int
    let parameterBytes: Int

    /// Room that the files take, not the length that sparse ones claim.
    init(_ state: StateDirectory) {
        func bytes(in folder: String) -> Int {
            ((try? Folder.names(in: folder)) ?? []).reduce(0) { $0 + File.allocatedBytes(of: folder + "/" + $1) }
        }
        ledgerBytes = ["", "-wal"].reduce(0) { $0 + File.allocatedBytes(of: state.database + $1) }
        payloadBytes = bytes(in: state.blobs)
        parameterBytes = bytes(in: state.params)
    }
}

extension Driver {
    /// Counts again, where the last count is some seconds old.
    func countDiskUse() {
        let instant = now
        if let counted = diskUseCounted, instant.since(counted) < 5_000 { return }
        diskUseCounted = instant
        let state = jobs.blobs.state
        workers.submit({ StateUse(state) }, completion: { [weak self] in self?.diskUse = $0 })
    }
}
