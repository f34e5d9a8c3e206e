import Crypto
import Tensor

/// The Merkle tree over the pieces of a payload: what a contribution's record names as its `pieceRoot`.
public enum PieceTree {
    /// Reads the payload once, a piece in memory at a time.
    ///
    /// - Parameter pieceBytes: of every piece but the last, which may be shorter.
    /// - Throws: `CodecError.unreadable`.
    public static func tree(of payload: some PayloadReader, pieceBytes: UInt32) throws(CodecError) -> MerkleTree {
        precondition(pieceBytes > 0)
        let size = min(Int(pieceBytes), max(payload.byteCount, 1))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        var leaves: [Digest] = []
        var offset = 0
        while offset < payload.byteCount {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(size, payload.byteCount - offset)])
            try payload.read(at: offset, into: piece)
            leaves.append(MerkleTree.leaf(UnsafeRawBufferPointer(piece)))
            offset += piece.count
        }
        return MerkleTree(leaves: leaves)
    }
}
