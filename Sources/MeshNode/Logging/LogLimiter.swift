/// Decides which log messages are written: the same message a few times per minute, and any one place in the program at
/// a bounded rate. A peer that repeats itself, or varies a port number, cannot fill the log.
///
/// A state machine without a clock: the caller gives the time.
struct LogLimiter {
    /// How often the same message is written in one window.
    static let repeatsMaximum = 5
    static let windowMilliseconds: UInt64 = 60_000
    /// Messages that one place may write at once, and how many more it may write per second after that.
    static let burst: UInt64 = 200
    static let perSecond: UInt64 = 20
    /// Different messages that are remembered.
    static let messagesMaximum = 512

    enum Decision: Equatable {
        case write
        /// Write, and say how many messages like this one were left out before it.
        case writeAfter(suppressed: UInt64)
        case suppress
    }

    private struct Message {
        var windowStart: UInt64
        var count = 0
        var suppressed: UInt64 = 0
    }

    private struct Place {
        /// In thousandths of a message.
        var tokens: UInt64 = LogLimiter.burst * 1000
        var filled: UInt64
        var suppressed: UInt64 = 0
    }

    private var messages: [String: Message] = [:]
    private var places: [String: Place] = [:]
    /// Messages that were left out since the start.
    private(set) var suppressedCount: UInt64 = 0

    var rememberedCount: Int { messages.count }

    /// - Parameters:
    ///   - place: where in the program the message comes from.
    ///   - now: milliseconds of a monotonic clock.
    mutating func decide(_ message: String, place name: String, now: UInt64) -> Decision {
        var place = places[name] ?? Place(filled: now)
        let elapsed = now > place.filled ? now - place.filled : 0
        place.tokens = min(
            LogLimiter.burst * 1000, place.tokens + min(elapsed, 3_600_000) * LogLimiter.perSecond)
        place.filled = now
        defer { places[name] = place }

        var entry = messages[message] ?? Message(windowStart: now)
        var repeated: UInt64 = 0
        if now >= entry.windowStart + LogLimiter.windowMilliseconds {
            repeated = entry.suppressed
            entry = Message(windowStart: now)
        }
        entry.count += 1
        guard entry.count <= LogLimiter.repeatsMaximum else {
            entry.suppressed += 1
            suppressedCount += 1
            messages[message] = entry
            return .suppress
        }
        guard place.tokens >= 1000 else {
            place.suppressed += 1
            suppressedCount += 1
            return .suppress
        }
        place.tokens -= 1000
        if messages[message] == nil { makePlace(now: now) }
        messages[message] = entry
        let suppressed = place.suppressed + repeated
        place.suppressed = 0
        return suppressed == 0 ? .write : .writeAfter(suppressed: suppressed)
    }

    /// Forgets messages whose window is over; if that is not enough, all of them.
    private mutating func makePlace(now: UInt64) {
        guard messages.count >= LogLimiter.messagesMaximum else { return }
        messages = messages.filter { now < $0.value.windowStart + LogLimiter.windowMilliseconds }
        if messages.count >= LogLimiter.messagesMaximum { messages = [:] }
    }
}
