import Glibc

/// The named pipe on which commands come. Whoever writes to it may come and go.
struct ControlPipe {
    let descriptor: Int32
    private var reader = LineReader()

    /// - Parameter path: of an existing named pipe.
    init(path: String) throws(RelayError) {
        // Open for writing too: without a writer of its own the pipe would end with the first one that leaves.
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw RelayError("the control pipe \(path)", errno) }
    }

    mutating func lines() -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return lines }
            lines += reader.lines(adding: buffer[..<count])
        }
    }
}

/// What the system refused.
struct RelayError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
    init(_ description: String) { self.description = description }
}

/// Monotonic nanoseconds.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A line that whoever started the relay reads.
func say(_ line: String) {
    print(line)
    fflush(nil)
}
