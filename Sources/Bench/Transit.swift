import Compression
import Gossip
import Ledger
import Link

/// A payload piece by piece on a link, with piece headers, proofs, and the length and tag of each link frame.
struct Transit {
    /// On one link, all overheads in.
    private(set) var bytes = 0
    private(set) var compressSeconds = 0.0
    private(set) var decompressSeconds = 0.0

    init(of payload: [UInt8]) {
        let clock = ContinuousClock()
        let size = Int(Rules().pieceBytes)
        let count = (payload.count + size - 1) / size
        let proofDigests = count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
        for start in stride(from: 0, to: payload.count, by: size) {
            let piece = Array(payload[start..<min(start + size, payload.count)])
            let begin = clock.now
            let frame = PieceFrame.compress(piece) ?? piece
            let middle = clock.now
            _ = PieceFrame.decompress(frame, byteCount: piece.count)
            decompressSeconds += (clock.now - middle) / .seconds(1)
            compressSeconds += (middle - begin) / .seconds(1)
            bytes += PieceName.linkBytes(proofDigests: proofDigests, byteCount: frame.count)
        }
    }
}
