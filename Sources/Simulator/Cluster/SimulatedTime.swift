import Gossip

/// Time of a simulated cluster, in microseconds since it began.
public struct SimulatedTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let microseconds: UInt64

    public init(microseconds: UInt64) { self.microseconds = microseconds }
    public init(milliseconds: UInt64) { microseconds = milliseconds * 1_000 }

    public static let zero = SimulatedTime(microseconds: 0)
    public var milliseconds: UInt64 { microseconds / 1_000 }

    public static func + (time: SimulatedTime, microseconds: UInt64) -> SimulatedTime {
        SimulatedTime(microseconds: time.microseconds + microseconds)
    }

    public static func < (left: SimulatedTime, right: SimulatedTime) -> Bool { left.microseconds < right.microseconds }

    /// Milliseconds with three decimals.
    public var description: String {
        let fraction = String(microseconds % 1_000)
        return "\(milliseconds)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }
}
