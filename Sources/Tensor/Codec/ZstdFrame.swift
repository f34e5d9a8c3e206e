import CZstd

/// One zstd frame (RFC 8878) per segment, in several blocks so that each stream gets a Huffman table of its own.
final class ZstdCompressor {
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
    /// Returns nil where it does not fit `output`: the caller stores the bytes as they are.
    func compress(
        _ bytes: UnsafeBufferPointer<UInt8>, partsEndingAt ends: [Int], into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
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
final class ZstdDecompressor {
    private let context: OpaquePointer

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("out of memory for a zstd context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// The expanded size, or nil where `bytes` are not exactly one valid frame or need more room than `output` has.
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
