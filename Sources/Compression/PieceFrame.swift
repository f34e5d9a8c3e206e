import CZstd

/// Pieces of payloads as they travel on a link: one zstd frame (RFC 8878), or the plain bytes if a frame is not smaller.
///
/// Nothing that a node signs or judges depends on a frame: the receiver decompresses it into the known size of the piece
/// and checks the result against the signed root. Two versions of zstd may write different frames, and disagree about a
/// damaged one; either costs one link one piece.
///
/// This module is the only one that may call zstd.
public enum PieceFrame {
    /// A frame of these bytes, or nil if it would not be smaller than they are.
    ///
    /// Any thread may call. Level 1: entropy coding is what shrinks a payload; longer searches find nothing more.
    public static func compress(_ piece: [UInt8]) -> [UInt8]? {
        guard piece.count > 1 else { return nil }
        let compressor = ZstdCompressor(level: 1)
        return piece.withUnsafeBufferPointer { bytes in
            let ends = BlockSplitter.ends(bytes)
            let frame = [UInt8](unsafeUninitializedCapacity: bytes.count - 1) { room, count in
                count = compressor.compress(bytes, partsEndingAt: ends, into: room) ?? 0
            }
            return frame.isEmpty ? nil : frame
        }
    }

    /// The piece in a frame, or nil if the bytes are not exactly one frame of exactly `byteCount` bytes.
    ///
    /// Any thread may call. Memory: `byteCount`, which the caller knows, and what zstd keeps (under 200 KiB); what the
    /// frame claims about itself allocates nothing.
    public static func decompress(_ frame: [UInt8], byteCount: Int) -> [UInt8]? {
        guard byteCount > 0 else { return nil }
        let piece = [UInt8](unsafeUninitializedCapacity: byteCount) { room, count in
            count = frame.withUnsafeBufferPointer { ZstdDecompressor().decompress($0, into: room) } ?? 0
        }
        return piece.count == byteCount ? piece : nil
    }
}

/// Writes one frame in blocks that the caller chooses, so that each kind of bytes gets a Huffman table of its own.
private final class ZstdCompressor {
    private let context: OpaquePointer

    init(level: Int32) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("out of memory for a zstd context") }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 17)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Compresses the parts of `bytes` that end at `ends` (ascending, the last is the whole) into one frame.
    /// Returns nil if it does not fit `output`.
    func compress(
        _ bytes: UnsafeBufferPointer<UInt8>, partsEndingAt ends: [Int], into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        for (index, end) in ends.enumerated() {
            var source = ZSTD_inBuffer(
                src: bytes.baseAddress, size: end, pos: index == 0 ? 0 : ends[index - 1])
            let directive = index + 1 == ends.count ? ZSTD_e_end : ZSTD_e_flush
            let left = ZSTD_compressStream2(context, &target, &source, directive)
            guard ZSTD_isError(left) == 0, left == 0, source.pos == end else { return nil }
        }
        return target.pos
    }
}

/// Expands one frame into memory of a size that the caller has bounded; never allocates by what the frame says.
private final class ZstdDecompressor {
    private let context: OpaquePointer

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("out of memory for a zstd context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// The expanded size, or nil if `bytes` are not exactly one frame or need more room than `output` has.
    ///
    /// The magic number is checked here: libzstd would give anything else to its decoders of old formats.
    func decompress(
        _ bytes: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
        guard bytes.count >= magic.count, bytes.prefix(magic.count).elementsEqual(magic) else { return nil }
        guard ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count) == bytes.count else { return nil }
        let size = ZSTD_decompressDCtx(context, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
        return ZSTD_isError(size) == 0 ? size : nil
    }
}
