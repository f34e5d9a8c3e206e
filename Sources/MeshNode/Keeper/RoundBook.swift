import Ledger

/// When the rounds of this process began, and what its links had moved by then.
final class RoundBook {
    private var began: UInt64
    private var bytes: (received: UInt64, sent: UInt64) = (0, 0)

    init(began: UInt64) { self.began = began }

    /// Milliseconds and bytes since the last call, or since the start.
    func turn(
        now: UInt64, bytes: (received: UInt64, sent: UInt64)
    ) -> (milliseconds: UInt64, received: UInt64, sent: UInt64) {
        defer {
            began = now
            self.bytes = bytes
        }
        return (
            now > began ? now - began : 0, bytes.received &- self.bytes.received, bytes.sent &- self.bytes.sent
        )
    }
}
