import EventLoop
import FoundationEssentials
import Glibc

/// Lines for people and scripts: written at once, so that a log that is followed shows them.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// A line on standard error. If nobody reads it, the line is lost after a short while: training goes on.
    static func note(_ text: String) { errors.put(text) }

    /// A line on standard output that tells how far the training is; lost like a note if nobody reads it.
    static func progress(_ text: String) { news.put(text) }

    private static let errors = LooseLines(STDERR_FILENO)
    private static let news = LooseLines(STDOUT_FILENO)

    private struct LooseLines: Sendable {
        private let writer: LineWriter
        private static let patienceMilliseconds: UInt64 = 500

        init(_ descriptor: Int32) {
            writer = LineWriter(descriptor: descriptor) { "\($0) lines were dropped: nobody read them in time" }
        }

        func put(_ text: String) {
            writer.append(text)
            writer.flush(timeoutMilliseconds: LooseLines.patienceMilliseconds)
        }
    }

    /// A value as one line of JSON, members in ascending order and in snake case.
    static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return [UInt8](try encoder.encode(value))
    }

    /// A number with `digits` digits after the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var unit = 1
        for _ in 0..<digits { unit *= 10 }
        let scaled = Int((abs(value) * Double(unit)).rounded())
        let fraction = String(scaled % unit)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / unit)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
