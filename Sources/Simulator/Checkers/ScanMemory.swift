import Crypto

/// Scans messages, and remembers those of lately: what one member broadcasts is looked at for every receiver and by
/// every fault. A pure function's memory.
final class ScanMemory {
    private var last: (bytes: [UInt8], digest: Digest) = ([], Trace.digest(of: []))
    private var current: [Digest: RecordScan] = [:]
    private var previous: [Digest: RecordScan] = [:]

    /// How many are remembered, twice over.
    private static let capacity = 1 << 11

    /// The digest by which the trace names a message.
    func digest(of bytes: [UInt8]) -> Digest {
        if last.bytes != bytes { last = (bytes, Trace.digest(of: bytes)) }
        return last.digest
    }

    func scan(_ bytes: [UInt8]) -> RecordScan {
        let digest = digest(of: bytes)
        if let known = current[digest] ?? previous[digest] { return known }
        let scan = RecordScan(bytes: bytes)
        if current.count >= ScanMemory.capacity {
            previous = current
            current = [:]
        }
        current[digest] = scan
        return scan
    }
}
