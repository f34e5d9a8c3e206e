import CUV

/// What one turn writes to one stream: bytes at a place that stays put, and libuv's request.
final class WriteBatch {
    private(set) var count = 0
    private var capacity = 0
    private var base: UnsafeMutableRawPointer?
    private let request: UnsafeMutablePointer<uv_write_t>
    private let stream: ByteStream

    init(stream: ByteStream) {
        self.stream = stream
        request = .allocate(capacity: 1)
    }

    deinit {
        base?.deallocate()
        request.deallocate()
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        let target = reserve(count + bytes.count)
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Gives the bytes to libuv, which tries to send at once; the batch keeps itself until libuv is done.
    /// - Returns: libuv's status; when it is not 0 nothing was started.
    func start() -> Int32 {
        var buffer = uv_buf_init(base?.assumingMemoryBound(to: CChar.self), UInt32(count))
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = uv_write(
            request, stream.storage.assumingMemoryBound(to: uv_stream_t.self), &buffer, 1
        ) { request, status in
            guard let data = request?.pointee.data else { return }
            let batch = Unmanaged<WriteBatch>.fromOpaque(data).takeRetainedValue()
            batch.stream.batchFinished(status)
        }
        if status != 0 { Unmanaged.passUnretained(self).release() }
        return status
    }

    private func reserve(_ needed: Int) -> UnsafeMutableRawPointer {
        if let base, needed <= capacity { return base }
        capacity = max(needed, capacity * 2, 2048)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        if let base {
            larger.copyMemory(from: base, byteCount: count)
            base.deallocate()
        }
        base = larger
        return larger
    }
}
