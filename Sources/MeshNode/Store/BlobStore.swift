import Crypto
import Ledger
import System

/// `state/blobs/`: the payloads of contributions under their digests, each with its sidecar of proofs.
///
/// A payload that is not complete lies under `.partial`, as a sparse file. Every piece that is read is held against
/// the signed root, so a flipped bit is found where it is read and named. Any thread may call; two pieces of one blob
/// may be stored at once.
struct BlobStore: Sendable {
    let state: StateDirectory

    /// Checks a piece and writes it.
    ///
    /// - Returns: false where the piece does not stand under the contribution's root.
    func storePiece(
        _ contribution: Ledger.Contribution, index: Int, proof: [Digest], bytes: [UInt8]
    ) throws(FileError) -> Bool {
        let sidecar = PieceSidecar(contribution)
        guard proof.count <= sidecar.depth, sidecar.verifies(bytes, index: index, proof: proof) else { return false }
        let digest = sidecar.contribution
        let payload = try File.open(
            File.exists(state.blob(digest)) ? state.blob(digest) : state.partialBlob(digest), .create())
        try payload.write(bytes, at: sidecar.range(ofPiece: index).lowerBound)
        let file = try File.open(state.sidecar(digest), .create())
        if try file.byteCount() != sidecar.fileBytes {
            try file.resize(to: sidecar.fileBytes)
            try file.write(sidecar.encoded, at: 0)
        }
        try file.write(sidecar.encodedEntry(index, proof: proof), at: sidecar.entryOffset(index))
        return true
    }

    /// A piece with its proof, checked; nil where it is not there.
    ///
    /// - Throws: `damaged` with the piece or the sidecar's entry that is not what was written.
    func readPiece(_ digest: ContributionDigest, index: Int) throws(FileError) -> (bytes: [UInt8], proof: [Digest])? {
        guard File.exists(state.sidecar(digest)) else { return nil }
        let (sidecar, file) = try openSidecar(digest)
        guard index >= 0, index < sidecar.pieceCount else { return nil }
        let payload = try File.open(payloadPath(digest), .read)
        return try read(index, sidecar, file, payload)
    }

    /// Which pieces are there and right. Damaged ones count as missing: they are fetched again.
    ///
    /// - Parameter damages: gets what was found damaged, named.
    /// - Returns: nil where there is nothing of this contribution. A sidecar without a payload is nothing: a daemon that
    ///   stops while it takes a payload over, or forgets one, can leave that behind.
    func verifiedPieces(_ digest: ContributionDigest, damages: inout [FileError]) -> [Bool]? {
        guard File.exists(state.sidecar(digest)), File.exists(payloadPath(digest)) else { return nil }
        let sidecar: PieceSidecar
        let file: File
        let payload: File
        do throws(FileError) {
            (sidecar, file) = try openSidecar(digest)
            payload = try File.open(payloadPath(digest), .read)
        } catch {
            damages.append(error)
            return nil
        }
        var pieces: [Bool] = []
        pieces.reserveCapacity(sidecar.pieceCount)
        for index in 0..<sidecar.pieceCount {
            do throws(FileError) {
                pieces.append(try read(index, sidecar, file, payload) != nil)
            } catch {
                damages.append(error)
                pieces.append(false)
            }
        }
        return pieces
    }

    /// Reads every piece of a complete blob.
    ///
    /// - Throws: the first damage.
    func verify(_ digest: ContributionDigest) throws(FileError) {
        let (sidecar, file) = try openSidecar(digest)
        let payload = try File.open(payloadPath(digest), .read)
        for index in 0..<sidecar.pieceCount {
            guard try read(index, sidecar, file, payload) != nil else {
                throw .damaged(file: file.path, place: "entry \(index)")
            }
        }
        guard try payload.byteCount() == Int(sidecar.payloadBytes) else {
            throw .wrongSize(
                file: payload.path, expectedBytes: Int(sidecar.payloadBytes), foundBytes: try payload.byteCount())
        }
    }

    /// Makes a complete payload durable under its final name.
    func complete(_ digest: ContributionDigest) throws(FileError) {
        try File.open(state.sidecar(digest), .write).synchronize()
        guard !File.exists(state.blob(digest)) else {
            return try File.open(state.blob(digest), .write).synchronize()
        }
        try File.open(state.partialBlob(digest), .write).synchronize()
        try File.rename(state.partialBlob(digest), to: state.blob(digest))
    }

    /// Takes over a payload that this site made and synced: writes the sidecar with all proofs, then gives the payload
    /// its name, durably.
    func adopt(
        _ contribution: Ledger.Contribution, payload path: String, tree: MerkleTree
    ) throws(FileError) {
        let sidecar = PieceSidecar(contribution)
        precondition(tree.leafCount == sidecar.pieceCount && tree.root == sidecar.root)
        let file = try File.open(state.sidecar(sidecar.contribution), .create())
        try file.resize(to: sidecar.fileBytes)
        try file.write(sidecar.encoded, at: 0)
        for index in 0..<sidecar.pieceCount {
            try file.write(
                sidecar.encodedEntry(index, proof: tree.proof(of: index)), at: sidecar.entryOffset(index))
        }
        try file.synchronize()
        try File.rename(path, to: state.blob(sidecar.contribution))
    }

    /// Moves a blob in which pieces are missing or damaged back under its temporary name.
    func reopen(_ digest: ContributionDigest) throws(FileError) {
        guard File.exists(state.blob(digest)) else { return }
        try File.rename(state.blob(digest), to: state.partialBlob(digest))
    }

    func forget(_ digest: ContributionDigest) {
        File.remove(state.sidecar(digest))
        File.remove(state.blob(digest))
        File.remove(state.partialBlob(digest))
    }

    /// Drops incomplete payloads, the largest first, until the reserve is free. Before the database is opened: a disk that
    /// is full must not keep a daemon from starting.
    ///
    /// - Returns: how many were dropped.
    func makeRoom(reserveBytes: UInt64) throws(FileError) -> Int {
        guard let free = File.freeBytes(at: state.path), free < reserveBytes else { return 0 }
        var incomplete: [(name: ContributionDigest, bytes: UInt64)] = []
        for digest in try digests() where !isComplete(digest) {
            let bytes = [state.partialBlob(digest), state.sidecar(digest)].reduce(0) {
                $0 + UInt64(File.allocatedBytes(of: $1))
            }
            incomplete.append((digest, bytes))
        }
        let dropped = DiskReserve.dropped(of: incomplete, free: free, reserve: reserveBytes)
        for digest in dropped { forget(digest) }
        return dropped.count
    }

    /// Removes what is here of a payload that is not complete.
    func forgetIncomplete(_ digest: ContributionDigest) {
        if !isComplete(digest) { forget(digest) }
    }

    func isComplete(_ digest: ContributionDigest) -> Bool { File.exists(state.blob(digest)) }

    /// Every contribution of which something is here, ascending.
    func digests() throws(FileError) -> [ContributionDigest] {
        var digests: Set<ContributionDigest> = []
        for name in try Folder.names(in: state.blobs) {
            let stem = name.split(separator: ".", maxSplits: 1)[0]
            if let digest = Digest(hex: String(stem)) { digests.insert(ContributionDigest(digest)) }
        }
        return digests.sorted()
    }

    /// The Merkle tree over the pieces of a payload file.
    static func tree(of path: String, pieceBytes: Int) throws(FileError) -> MerkleTree {
        let file = try File.open(path, .read)
        let count = try file.byteCount()
        var leaves: [Digest] = []
        var offset = 0
        while offset < count {
            let bytes = try file.read(at: offset, count: min(pieceBytes, count - offset))
            leaves.append(MerkleTree.leaf(bytes))
            offset += bytes.count
        }
        return MerkleTree(leaves: leaves)
    }

    /// The height of the base that the contribution names, from its sidecar.
    func baseHeight(_ digest: ContributionDigest) throws(FileError) -> Height { try openSidecar(digest).0.baseHeight }

    /// The payload under its final or its temporary name.
    func payloadPath(_ digest: ContributionDigest) -> String {
        File.exists(state.blob(digest)) ? state.blob(digest) : state.partialBlob(digest)
    }

    private func openSidecar(_ digest: ContributionDigest) throws(FileError) -> (PieceSidecar, File) {
        let file = try File.open(state.sidecar(digest), .read)
        let bytes = try file.read(at: 0, count: PieceSidecar.headerBytes)
        guard let sidecar = PieceSidecar(encoded: bytes), sidecar.contribution == digest else {
            throw .damaged(file: file.path, place: "header")
        }
        guard try file.byteCount() == sidecar.fileBytes else {
            throw .wrongSize(file: file.path, expectedBytes: sidecar.fileBytes, foundBytes: try file.byteCount())
        }
        return (sidecar, file)
    }

    private func read(
        _ index: Int, _ sidecar: PieceSidecar, _ file: File, _ payload: File
    ) throws(FileError) -> (bytes: [UInt8], proof: [Digest])? {
        let proof: [Digest]
        switch sidecar.entry(
            index, from: try file.read(at: sidecar.entryOffset(index), count: sidecar.entryBytes))
        {
        case .absent: return nil
        case .damaged: throw .damaged(file: file.path, place: "entry \(index)")
        case .present(let found): proof = found
        }
        let range = sidecar.range(ofPiece: index)
        // A sparse file that was cut off holds the piece no more than one with other bytes.
        guard try payload.byteCount() >= range.upperBound else {
            throw .damaged(file: payload.path, place: "piece \(index)")
        }
        let bytes = try payload.read(at: range.lowerBound, count: range.count)
        guard sidecar.verifies(bytes, index: index, proof: proof) else {
            throw .damaged(file: payload.path, place: "piece \(index)")
        }
        return (bytes, proof)
    }
}
