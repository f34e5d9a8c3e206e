import Compression

/// A frame of a piece, from a peer: it gives exactly the bytes that the record promises, or nothing.
enum PieceFrameEntry {
    /// The first four bytes are the piece's size, most significant first, of at most a mebibyte.
    static func run(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return }
        let size = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } % (1 << 20 + 1)
        guard let piece = PieceFrame.decompress(Array(bytes.dropFirst(4)), byteCount: size) else { return }
        precondition(piece.count == size, "a frame gives another number of bytes than asked for")
        guard let frame = PieceFrame.compress(piece) else { return }
        precondition(frame.count < piece.count, "a frame is not smaller than its piece")
        precondition(PieceFrame.decompress(frame, byteCount: size) == piece, "a frame gives another piece")
    }

    static func seed(of piece: [UInt8]) -> [UInt8]? {
        PieceFrame.compress(piece).map { frame in
            (0..<4).map { UInt8(truncatingIfNeeded: piece.count >> (24 - 8 * $0)) } + frame
        }
    }
}
