import EventLoop
import Glibc
import Logging
import Program
import System

/// Where the daemon's log goes: limited, formatted, and handed to a thread that writes it. Nothing here waits for the
/// reader of standard error, so a full pipe never stops the loop.
final class LogOutput: Sendable {
    /// Of this process; its thread starts with the first message.
    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    /// A longer message is cut.
    static let messageBytesMaximum = 8192

    private let writer: LineWriter
    private let limiter = Guarded(LogLimiter())

    init(descriptor: Int32, linesMaximum: Int = 4096) {
        writer = LineWriter(descriptor: descriptor, linesMaximum: linesMaximum) { count in
            "\(LogOutput.timestamp()) warning meshnode: \(count) log messages were dropped: "
                + "standard error did not take them in time"
        }
    }

    /// Messages that were dropped because standard error did not take them.
    var droppedCount: UInt64 { writer.droppedCount }

    /// Messages that were left out because they repeated themselves.
    var suppressedCount: UInt64 { limiter.withLock { $0.suppressedCount } }

    /// Waits for what is queued, at most this long: before an orderly end of the process.
    func flush(timeoutMilliseconds: UInt64 = 250) { writer.flush(timeoutMilliseconds: timeoutMilliseconds) }

    /// - Parameter place: where in the program the message comes from.
    func write(_ level: Logger.Level, label: String, _ message: String, place: String) {
        let text = LogOutput.printable(message)
        // Nobody must miss why a daemon stops.
        let decision: LogLimiter.Decision =
            level == .critical
            ? .write
            : limiter.withLock { $0.decide(text, place: place, now: MonotonicInstant.now().milliseconds) }
        let head = "\(LogOutput.timestamp()) \(level) \(label): "
        switch decision {
        case .suppress: break
        case .write: writer.append(head + text)
        case .writeAfter(let count): writer.append(head + text + " (\(count) messages like this were left out before)")
        }
    }

    /// The message on one line.
    static func printable(_ message: String) -> String {
        TerminalText.escaped(message, keepsLines: false, bytesMaximum: messageBytesMaximum)
    }

    /// The time of day in UTC, independent of the locale: `2026-01-31T23:59:59.123Z`.
    static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let day =
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let time =
            "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(day)T\(time).\(digits(now.tv_nsec / 1_000_000, 3))Z"
    }
}

/// swift-log's face of `LogOutput`.
struct QueuedLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        output.write(event.level, label: label, "\(event.message)", place: "\(event.file):\(event.line)")
    }
}
