import CUV

/// A point of the monotonic clock of this machine, in nanoseconds since an arbitrary start. Says nothing to another
/// machine, and nothing after a restart.
public struct MonotonicInstant: Hashable, Comparable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The clock's present reading; may be asked on any thread.
    public static func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: uv_hrtime())
    }

    /// Whole milliseconds since the clock's start, rounded down.
    public var milliseconds: UInt64 { nanoseconds / 1_000_000 }

    /// The instant this many milliseconds later, at most the largest one.
    public func advanced(milliseconds: UInt64) -> MonotonicInstant {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = nanoseconds.addingReportingOverflow(product)
        return MonotonicInstant(nanoseconds: overflow || carry ? .max : sum)
    }

    /// Nanoseconds from `earlier` to here; zero where `earlier` is not earlier.
    public func nanoseconds(since earlier: MonotonicInstant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
