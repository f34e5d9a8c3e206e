/// One site's line in one direction: a rate, and a queue before it that is full at some point.
struct Line: Sendable {
    /// 0 for a line without a limit.
    let bitsPerSecond: UInt64
    let queueBytesMaximum: UInt64
    /// When the last packet that was taken will be through, in nanoseconds.
    private var freeAt: UInt64 = 0

    init(bitsPerSecond: UInt64, queueBytesMaximum: UInt64) {
        self.bitsPerSecond = bitsPerSecond
        self.queueBytesMaximum = queueBytesMaximum
    }

    /// When the last bit of a packet that comes at `now` nanoseconds is through; nil where the queue has no room for it.
    mutating func carry(_ byteCount: Int, at now: UInt64) -> UInt64? {
        guard bitsPerSecond > 0 else { return now }
        let begins = max(now, freeAt)
        let waitingBytes = (begins - now) / 8 * bitsPerSecond / 1_000_000_000
        guard waitingBytes + UInt64(byteCount) <= queueBytesMaximum else { return nil }
        freeAt = begins + UInt64(byteCount) * 8 * 1_000_000_000 / bitsPerSecond
        return freeAt
    }
}
