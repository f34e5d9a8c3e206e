import CUV

/// Why a stream is closed. Every stream reports exactly one.
public enum CloseReason: Hashable, Sendable {
    /// This side closed it, or the loop was closed.
    case closedHere
    /// The other side ended it in order.
    case endOfStream
    /// Reading or writing failed.
    case failed(SystemErrorCode)
}

/// A connected, ordered stream of bytes in both directions: TCP or a Unix-domain socket.
///
/// Small writes of one turn of the loop go out as one. Nothing is read before `startReading`. All closures are called
/// on the loop's thread, never from inside `write` or `close`, and are let go once the stream is closed.
public class ByteStream: LoopHandle {
    /// Called with what arrived, at most 64 KiB; the buffer is valid during the call only.
    public final var onBytes: ((UnsafeRawBufferPointer) -> Void)?
    /// Called when the bytes that wait to be sent sink to half of `highWaterBytes` after having risen above it.
    public final var onDrained: (() -> Void)?
    /// Called once, last of all.
    public final var onClosed: ((CloseReason) -> Void)?

    /// Above this count of waiting bytes `isAboveHighWater` holds. Nothing is refused: the caller stops producing, or
    /// pauses reading from whoever causes the writing.
    public final var highWaterBytes = 1 << 20

    /// True from the moment that `pendingBytes` exceeds `highWaterBytes` until `onDrained`.
    public private(set) final var isAboveHighWater = false
    /// Whether arriving bytes are delivered.
    public private(set) final var isReading = false
    /// Bytes that arrived since the stream was opened.
    public private(set) final var receivedBytes: UInt64 = 0
    /// Bytes that `write` accepted since the stream was opened.
    public private(set) final var writtenBytes: UInt64 = 0

    private var closeReason = CloseReason.closedHere
    private var batch: WriteBatch?
    private var batchesInFlight = 0
    private var isFlushAsked = false
    /// Set when the stream is to close as soon as nothing waits to be sent.
    private var reasonAfterWrites: CloseReason?

    /// A batch that has grown this far is handed to libuv without waiting for the end of the turn.
    private static let batchBytes = 1 << 18

    /// Delivers what arrives to `onBytes`, from the next turn on.
    public final func startReading() {
        loop.checkThread()
        guard !isReading, !isClosing, reasonAfterWrites == nil else { return }
        let status = uv_read_start(
            stream,
            { raw, _, buffer in
                guard let buffer, let owner = LoopHandle.owner(of: raw, as: ByteStream.self) else { return }
                let space = owner.loop.readBuffer
                buffer.pointee = uv_buf_init(
                    space.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(space.count))
            },
            { raw, count, buffer in
                LoopHandle.owner(of: raw, as: ByteStream.self)?.received(count, buffer)
            })
        if status == 0 { isReading = true } else { close(.failed(SystemErrorCode(status))) }
    }

    /// Leaves what arrives in the system's buffer, so that the sender is slowed down, until `startReading`. The end of
    /// the stream is not noticed meanwhile.
    public final func pauseReading() {
        loop.checkThread()
        guard isReading, !isClosing else { return }
        isReading = false
        uv_read_stop(stream)
    }

    /// Takes a copy of `bytes` for sending. Ignored once the stream is closing: `onClosed` says why it is.
    public final func write(_ bytes: UnsafeRawBufferPointer) {
        loop.checkThread()
        guard !isClosing, reasonAfterWrites == nil, !bytes.isEmpty else { return }
        let batch = batch ?? WriteBatch(stream: self)
        self.batch = batch
        batch.append(bytes)
        writtenBytes += UInt64(bytes.count)
        if batch.count >= ByteStream.batchBytes {
            flush()
        } else if !isFlushAsked {
            isFlushAsked = true
            loop.flushAtEndOfTurn(self)
        }
        if pendingBytes > highWaterBytes { isAboveHighWater = true }
    }

    /// Takes a copy of `bytes` for sending; see `write(_: UnsafeRawBufferPointer)`.
    public final func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// Bytes taken by `write` that the system has not taken yet.
    public final var pendingBytes: Int {
        guard !isClosing else { return 0 }
        return (batch?.count ?? 0) + uv_stream_get_write_queue_size(stream)
    }

    /// Sends what waits, then closes; nothing more is read or accepted for writing. A peer that does not read holds
    /// this up: set a timer and `close` where that matters.
    public final func closeAfterWrites() {
        closeAfterWrites(.closedHere)
    }

    /// Closes at once and drops what waits to be sent.
    public final override func close() {
        super.close()
    }

    /// Hands the batch of this turn to libuv.
    final func flush() {
        isFlushAsked = false
        guard !isClosing, let batch else { return }
        self.batch = nil
        let status = batch.start()
        if status == 0 { batchesInFlight += 1 } else { close(.failed(SystemErrorCode(status))) }
    }

    final func batchFinished(_ status: Int32) {
        batchesInFlight -= 1
        guard !isClosing else { return }
        guard status == 0 else { return close(.failed(SystemErrorCode(status))) }
        if isAboveHighWater && pendingBytes <= highWaterBytes / 2 {
            isAboveHighWater = false
            onDrained?()
        }
        closeIfWritten()
    }

    override func willClose() {
        batch = nil
        isReading = false
    }

    override func didClose() {
        let onClosed = onClosed
        onBytes = nil
        onDrained = nil
        self.onClosed = nil
        onClosed?(closeReason)
    }

    private func received(_ count: Int, _ buffer: UnsafePointer<uv_buf_t>?) {
        guard !isClosing, count != 0 else { return }
        guard count > 0 else {
            let code = SystemErrorCode(Int32(truncatingIfNeeded: count))
            if code.rawValue == UV_EOF.rawValue { closeAfterWrites(.endOfStream) } else { close(.failed(code)) }
            return
        }
        receivedBytes += UInt64(count)
        onBytes?(UnsafeRawBufferPointer(start: buffer?.pointee.base, count: count))
    }

    private func closeAfterWrites(_ reason: CloseReason) {
        loop.checkThread()
        guard !isClosing, reasonAfterWrites == nil else { return }
        pauseReading()
        flush()
        guard !isClosing else { return }
        reasonAfterWrites = reason
        closeIfWritten()
    }

    private func closeIfWritten() {
        if let reasonAfterWrites, batch == nil, batchesInFlight == 0 { close(reasonAfterWrites) }
    }

    private func close(_ reason: CloseReason) {
        guard !isClosing else { return }
        closeReason = reason
        super.close()
    }

    private var stream: UnsafeMutablePointer<uv_stream_t> { storage.assumingMemoryBound(to: uv_stream_t.self) }
}
