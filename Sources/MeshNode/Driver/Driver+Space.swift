import Gossip
import Ledger

/// Room on the disk: measured here, judged by the core.
extension Driver {
    static let spaceMilliseconds: UInt64 = 1_000

    /// Measures on a worker: a file system that hangs holds nothing up.
    func measureSpace() {
        guard !isMeasuringSpace else { return }
        isMeasuringSpace = true
        let (path, measure) = (jobs.blobs.state.path, freeBytes)
        workers.submit(
            { measure(path) },
            completion: { [weak self] free in
                self?.isMeasuringSpace = false
                if let free { self?.feed(.freeSpace(free)) }
            })
    }

    /// The room is measured again once the pieces are gone.
    func dropPieces(_ digest: ContributionDigest) {
        let blobs = jobs.blobs
        workers.submit(
            { blobs.forgetIncomplete(digest) }, completion: { [weak self] in self?.measureSpace() })
    }
}
