import Crypto

/// The order of everything that happened in a cluster, as one digest, and on demand as lines.
///
/// Two runs of a seed are alike exactly where their digests are.
struct Trace {
    private let hasher = DigestHasher(DigestDomain("mesh/sim-trace"))
    private var buffer: [UInt8] = []
    /// Lines for a person are made only where somebody reads them.
    let print: ((String) -> Void)?

    private static let messageDomain = DigestDomain("mesh/sim-message")
    private static let bufferBytes = 1 << 14

    init(print: ((String) -> Void)?) { self.print = print }

    mutating func record(_ time: SimulatedTime, _ kind: UInt8, _ numbers: UInt64...) {
        append(time.microseconds)
        buffer.append(kind)
        for number in numbers { append(number) }
    }

    /// What a message says, by the digest of its bytes: one broadcast is digested once, however many hear it.
    mutating func record(_ message: Digest) {
        buffer += message.bytes
        if buffer.count >= Trace.bufferBytes { flush() }
    }

    static func digest(of message: [UInt8]) -> Digest { Digest(messageDomain, message) }

    func say(_ time: SimulatedTime, _ line: @autoclosure () -> String) {
        if let print { print("\(time) \(line())") }
    }

    /// To be asked once, at the end.
    mutating func digest() -> Digest {
        flush()
        return hasher.finalize()
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
    }

    private mutating func flush() {
        hasher.update(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
