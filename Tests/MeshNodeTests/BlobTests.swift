import Crypto
import Ledger
import System
import TestKit
import Testing

@testable import MeshNode

/// Contributions to store, and their pieces.
struct SamplePayload {
    let contribution: Ledger.Contribution
    let pieces: [[UInt8]]
    let tree: MerkleTree

    init(pieceCount: Int, seed: UInt64) {
        var random = SeededRandom(simulationSeed: seed)
        pieces = (0..<pieceCount).map { index in
            let count = index == pieceCount - 1 ? 700 : 1024
            return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        tree = MerkleTree(leaves: pieces.map { MerkleTree.leaf($0) })
        contribution = Ledger.Contribution(
            network: NetworkID(.zero), author: MemberID(Digest(DigestDomain("test"), [1])),
            base: VersionDigest(.zero), baseHeight: .genesis, encoding: .denseFloat32,
            payloadBytes: UInt64(pieces.map(\.count).reduce(0, +)), pieceBytes: 1024, pieceRoot: tree.root, norm: 0,
            steps: 0, tokens: 0, lossCentinats: nil, dataSets: [], trainer: .zero)
    }

    var digest: ContributionDigest { contribution.contributionDigest }

    func store(_ index: Int, in blobs: BlobStore) throws -> Bool {
        try blobs.storePiece(contribution, index: index, proof: tree.proof(of: index), bytes: pieces[index])
    }
}

struct BlobTests {
    private func makeStore() throws -> (TemporaryFolder, BlobStore) {
        let folder = TemporaryFolder()
        return (folder, BlobStore(state: try StateDirectory(path: folder.path + "/state")))
    }

    @Test("Pieces in any order make a payload that is served with proofs", arguments: [1, 2, 3, 7, 64, 65])
    func storesPieces(count: Int) throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        let sample = SamplePayload(pieceCount: count, seed: UInt64(count))
        for index in (0..<count).reversed() { #expect(try sample.store(index, in: blobs)) }
        try blobs.complete(sample.digest)
        try blobs.verify(sample.digest)
        for index in 0..<count {
            let piece = try #require(try blobs.readPiece(sample.digest, index: index))
            #expect(piece.bytes == sample.pieces[index])
            #expect(
                MerkleTree.verify(
                    leaf: MerkleTree.leaf(piece.bytes), index: index, leafCount: count, proof: piece.proof,
                    root: sample.tree.root))
        }
    }

    @Test("A piece that does not stand under the root is refused and leaves nothing")
    func refusesWrongPiece() throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        let sample = SamplePayload(pieceCount: 5, seed: 1)
        var wrong = sample.pieces[2]
        wrong[0] ^= 1
        #expect(
            try !blobs.storePiece(sample.contribution, index: 2, proof: sample.tree.proof(of: 2), bytes: wrong))
        #expect(
            try !blobs.storePiece(
                sample.contribution, index: 2, proof: sample.tree.proof(of: 3), bytes: sample.pieces[2]))
        #expect(try blobs.readPiece(sample.digest, index: 2) == nil)
    }

    @Test("After a restart the pieces on disk are known again, and no others")
    func resumes() throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        let sample = SamplePayload(pieceCount: 9, seed: 2)
        for index in [1, 4, 8] { #expect(try sample.store(index, in: blobs)) }
        var damages: [FileError] = []
        let pieces = blobs.verifiedPieces(sample.digest, damages: &damages)
        #expect(pieces == [false, true, false, false, true, false, false, false, true])
        #expect(damages.isEmpty)
    }

    @Test("A start without room drops incomplete payloads and keeps complete ones; with room it keeps all")
    func makesRoom() throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        let (complete, incomplete) = (SamplePayload(pieceCount: 3, seed: 1), SamplePayload(pieceCount: 5, seed: 2))
        for index in 0..<3 { #expect(try complete.store(index, in: blobs)) }
        try blobs.complete(complete.digest)
        for index in 0..<4 { #expect(try incomplete.store(index, in: blobs)) }
        #expect(try blobs.makeRoom(reserveBytes: 0) == 0)
        #expect(try blobs.digests() == [complete.digest, incomplete.digest].sorted())
        #expect(try blobs.makeRoom(reserveBytes: .max) == 1)
        #expect(try blobs.digests() == [complete.digest])
        blobs.forgetIncomplete(complete.digest)
        try blobs.verify(complete.digest)
        #expect(try #require(File.freeBytes(at: folder.path)) > 0)
        #expect(File.freeBytes(at: folder.path + "/nothing") == nil)
    }

    @Test("A flipped bit of the payload is found in its piece, and that piece alone is missing", arguments: 0..<8)
    func namesPiece(seed: UInt64) throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        var random = SeededRandom(simulationSeed: seed)
        let sample = SamplePayload(pieceCount: 6, seed: seed)
        for index in 0..<6 { #expect(try sample.store(index, in: blobs)) }
        try blobs.complete(sample.digest)
        let offset = Int.random(in: 0..<Int(sample.contribution.payloadBytes), using: &random)
        let path = blobs.state.blob(sample.digest)
        try flipBit(in: path, at: offset, bit: Int.random(in: 0..<8, using: &random))
        let expected = FileError.damaged(file: path, place: "piece \(offset / 1024)")
        #expect(throws: expected) { try blobs.verify(sample.digest) }
        #expect(throws: expected) { try blobs.readPiece(sample.digest, index: offset / 1024) }
        var damages: [FileError] = []
        let pieces = blobs.verifiedPieces(sample.digest, damages: &damages)
        #expect(pieces == (0..<6).map { $0 != offset / 1024 })
        #expect(damages == [expected])
        // Fetched again, it is whole.
        try blobs.reopen(sample.digest)
        #expect(try sample.store(offset / 1024, in: blobs))
        try blobs.complete(sample.digest)
        try blobs.verify(sample.digest)
    }

    @Test("A sidecar without a payload is nothing, and no damage")
    func aSidecarAloneIsNothing() throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        let sample = SamplePayload(pieceCount: 3, seed: 8)
        #expect(try sample.store(1, in: blobs))
        File.remove(blobs.state.partialBlob(sample.digest))
        var damages: [FileError] = []
        #expect(blobs.verifiedPieces(sample.digest, damages: &damages) == nil)
        #expect(damages.isEmpty)
    }

    @Test("A flipped bit of the sidecar is found and named", arguments: 0..<16)
    func namesSidecar(seed: UInt64) throws {
        let (folder, blobs) = try makeStore()
        defer { withExtendedLifetime(folder) {} }
        var random = SeededRandom(simulationSeed: seed)
        let sample = SamplePayload(pieceCount: 6, seed: seed)
        for index in 0..<6 { #expect(try sample.store(index, in: blobs)) }
        let sidecar = PieceSidecar(sample.contribution)
        let offset = Int.random(in: 0..<sidecar.fileBytes, using: &random)
        let path = blobs.state.sidecar(sample.digest)
        try flipBit(in: path, at: offset, bit: Int.random(in: 0..<8, using: &random))
        let place =
            offset < PieceSidecar.headerBytes
            ? "header" : "entry \((offset - PieceSidecar.headerBytes) / sidecar.entryBytes)"
        var damages: [FileError] = []
        _ = blobs.verifiedPieces(sample.digest, damages: &damages)
        #expect(damages == [.damaged(file: path, place: place)])
    }

    @Test("No mutation of a sidecar is taken for another one", arguments: 0..<4)
    func survivesMutation(seed: UInt64) {
        var random = SeededRandom(simulationSeed: seed)
        let sample = SamplePayload(pieceCount: 11, seed: seed)
        let sidecar = PieceSidecar(sample.contribution)
        let header = sidecar.encoded
        let entry = sidecar.encodedEntry(3, proof: sample.tree.proof(of: 3))
        for _ in 0..<500 {
            var bytes = header + entry
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            sidecarFuzzEntry(bytes, original: sidecar, header: header, entry: entry)
        }
        for count in 0..<header.count { #expect(PieceSidecar(encoded: Array(header[..<count])) == nil) }
    }
}

/// Reads bytes as a sidecar's header and entry 3: what is accepted is what was written.
func sidecarFuzzEntry(_ bytes: [UInt8], original: PieceSidecar, header: [UInt8], entry: [UInt8]) {
    let front = Array(bytes.prefix(PieceSidecar.headerBytes))
    if let found = PieceSidecar(encoded: front) { #expect(front == header && found == original) }
    let rest = Array(bytes.dropFirst(PieceSidecar.headerBytes))
    if case .present = original.entry(3, from: rest) { #expect(rest == entry) }
}
