import Ledger

/// Room on the disk of the node's state. The shell measures, the core decides what is fetched and what goes.
struct StorageRoom {
    /// Bytes that were free when the shell measured last, less what was stored since; nil before the first measurement.
    private(set) var free: UInt64?
    /// Whether the operator knows that fetching stopped.
    var isShortTold = false

    mutating func measured(_ bytes: UInt64) { free = bytes }

    mutating func stored(_ bytes: Int) { free = free.map { $0 - min($0, UInt64(bytes)) } }
}

extension Node {
    /// Bytes that stay free for the journal, the ledger and the parameters of the next version.
    var reserveBytes: UInt64 {
        DiskReserve.bytes(tensors: chain.tensors, optimizer: chain.rules.innerOptimizer)
    }

    /// Whether a piece may be written. Before the shell has measured anything may be.
    var hasRoomForPieces: Bool { storage.free.map { $0 > reserveBytes } ?? true }

    /// How many more bytes of pieces may be requested: what is free beyond the reserve, less what is on its way.
    var fetchableBytes: UInt64 {
        guard let free = storage.free else { return .max }
        let taken = reserveBytes + contributions.bytesUnderWay
        return free > taken ? free - taken : 0
    }

    /// The shell measured. Below the reserve incomplete candidates give their pieces back, the largest first: they are
    /// fetched again once there is room, and until then nobody waits for the disk.
    func measured(freeBytes: UInt64) {
        storage.measured(freeBytes)
        if freeBytes >= reserveBytes {
            if storage.isShortTold {
                storage.isShortTold = false
                emit(.storageRecovered(freeBytes: freeBytes))
            }
            return
        }
        let dropped = DiskReserve.dropped(
            of: contributions.incompleteBytes(pieceBytes: chain.rules.pieceBytes), free: freeBytes,
            reserve: reserveBytes)
        for digest in dropped {
            if let candidate = contributions[digest] {
                releaseRequests(of: candidate)
                contributions.update(digest) { $0.dropPieces() }
            } else {
                contributions.leftOnDisk[digest] = nil
            }
            effects.append(.dropPieces(digest))
        }
        if !storage.isShortTold || !dropped.isEmpty {
            storage.isShortTold = true
            emit(.storageShort(freeBytes: freeBytes, reserveBytes: reserveBytes, dropped: dropped.count))
        }
    }
}

extension ContributionTable {
    /// Bytes of pieces that were requested or are being written.
    var bytesUnderWay: UInt64 {
        fetching.reduce(0) { sum, digest in
            guard let candidate = self[digest] else { return sum }
            let count = candidate.requests.count + candidate.storing.count
            return sum + UInt64(count) * UInt64(candidate.contribution.pieceBytes)
        }
    }

    /// Incomplete payloads with the bytes that they take on the disk. One with a piece that is being written is left out:
    /// it would be there again.
    ///
    /// - Parameter pieceBytes: of payloads whose record is not known here.
    func incompleteBytes(pieceBytes: UInt32) -> [(name: ContributionDigest, bytes: UInt64)] {
        let fetching = self.fetching.compactMap { digest -> (name: ContributionDigest, bytes: UInt64)? in
            guard let candidate = self[digest], candidate.storing.isEmpty, candidate.pieces.setCount > 0 else {
                return nil
            }
            return (digest, UInt64(candidate.pieces.setCount) * UInt64(candidate.contribution.pieceBytes))
        }
        let left = leftOnDisk.filter { !$0.value.isFull && $0.value.setCount > 0 }
        return fetching + left.map { ($0.key, UInt64($0.value.setCount) * UInt64(pieceBytes)) }
    }
}

extension Candidate {
    /// The pieces go, the record stays.
    mutating func dropPieces() {
        pieces = Bitmap(count: pieces.count)
        requests = [:]
    }
}
