import Ledger

/// Decodes messages, and remembers those that came lately: what one node broadcasts reaches many that share a reader.
///
/// A pure function's memory: what it gives depends on the bytes alone. A daemon reads a message twice, for the checks ahead
/// and to handle it, and remembers a few; a simulated world's nodes share one.
public final class MessageReader {
    private let capacity: Int
    private var current: [EncodedBytes: Message] = [:]
    private var previous: [EncodedBytes: Message] = [:]

    /// - Parameter capacity: how many messages are remembered, twice over.
    public init(capacity: Int = 0) { self.capacity = capacity }

    func message(_ bytes: [UInt8]) throws(RecordError) -> Message {
        guard capacity > 0 else { return try Message(encoded: bytes) }
        let key = EncodedBytes(bytes: bytes)
        if let known = current[key] ?? previous[key] { return known }
        let message = try Message(encoded: bytes)
        if current.count >= capacity {
            previous = current
            current = [:]
        }
        current[key] = message
        return message
    }
}

/// Hashes as one run of bytes, where an array would hash each by itself.
struct EncodedBytes: Hashable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}
