import Glibc

/// Why a test cannot go on.
public struct TestError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Waits for conditions: the only way in which tests of processes let time pass.
public enum Condition {
    /// Asks `condition` again and again until it holds. An error of `condition` counts as "not yet".
    ///
    /// - Parameter pauseMillisecondsMaximum: the longest pause between two looks; what is waited for is the condition.
    /// - Throws: `TestError` with `what` after so many seconds, which only a failing test reaches; under a sanitizer much later.
    public static func wait(
        for what: String, seconds: Double = 60, pauseMillisecondsMaximum: Int32 = 20, _ condition: () throws -> Bool
    ) throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds * Sanitizer.slowness)
        var pauseMilliseconds: Int32 = 1
        while true {
            if (try? condition()) == true { return }
            guard clock.now < deadline else { throw TestError("waited \(seconds) s in vain for \(what)") }
            poll(nil, 0, pauseMilliseconds)
            pauseMilliseconds = min(2 * pauseMilliseconds, pauseMillisecondsMaximum)
        }
    }
}
