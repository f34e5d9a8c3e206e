/// Monotonic time in milliseconds since an arbitrary start. Comes in from the shell; no safety rule reads it.
public struct Instant: Hashable, Comparable, Sendable {
    public let milliseconds: UInt64
    public init(milliseconds: UInt64) { self.milliseconds = milliseconds }
    public static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }
    public static func + (instant: Instant, milliseconds: UInt64) -> Instant {
        Instant(milliseconds: instant.milliseconds + milliseconds)
    }
    /// Milliseconds from `earlier` to this instant, 0 where it is not earlier.
    public func since(_ earlier: Instant) -> UInt64 {
        milliseconds > earlier.milliseconds ? milliseconds - earlier.milliseconds : 0
    }
}
