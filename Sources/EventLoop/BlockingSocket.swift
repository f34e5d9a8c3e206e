import CUV
import Glibc

/// A Unix-domain socket for command-line tools that ask one question at a time: every call waits, none longer than the
/// caller allows. Not for the daemon.
public final class BlockingSocket {
    private let descriptor: Int32

    /// Connects to the socket at `path`.
    /// - Throws: `LoopError.connect` or `LoopError.pathTooLong`.
    public init(path: String) throws(LoopError) {
        try UnixSocketPath.check(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .connect(path, SystemErrorCode(errno: errno)) }
        // A Unix-domain socket connects at once or not at all.
        guard UnixSocketPath.withSockaddr(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            // `deinit` closes the descriptor: the object is whole here. Closing it twice would close another thread's.
            throw .connect(path, SystemErrorCode(errno: errno))
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Sends all of `bytes`.
    /// - Throws: `LoopError.timedOut` where the peer did not take them in time, `LoopError.stream` where it is gone.
    public func write(_ bytes: [UInt8], timeoutMilliseconds: UInt64) throws(LoopError) {
        let deadline = MonotonicInstant.now().advanced(milliseconds: timeoutMilliseconds)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else {
                try waitReady(POLLOUT, deadline, timeoutMilliseconds)
            }
        }
    }

    /// Waits for bytes and returns what is there, at most `limit` of them; empty at the end of the stream.
    /// - Throws: `LoopError.timedOut` where nothing came in time, `LoopError.stream` where the connection broke.
    public func read(upTo limit: Int = 65536, timeoutMilliseconds: UInt64) throws(LoopError) -> [UInt8] {
        precondition(limit > 0, "a read asks for bytes")
        let deadline = MonotonicInstant.now().advanced(milliseconds: timeoutMilliseconds)
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
                count = recv(descriptor, buffer.baseAddress, limit, 0)
                filled = max(0, count)
            }
            if count >= 0 { return bytes }
            try waitReady(POLLIN, deadline, timeoutMilliseconds)
        }
    }

    /// After a call that did nothing: waits until it may do something, if it failed only because it would have waited.
    private func waitReady(_ events: Int32, _ deadline: MonotonicInstant, _ timeoutMilliseconds: UInt64)
        throws(LoopError)
    {
        let number = errno
        if number == EINTR { return }
        guard number == EAGAIN || number == EWOULDBLOCK else { throw .stream(SystemErrorCode(errno: number)) }
        let nanoseconds = deadline.nanoseconds(since: .now())
        guard nanoseconds > 0 else { throw .timedOut(milliseconds: timeoutMilliseconds) }
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        poll(&entry, 1, Int32(clamping: nanoseconds / 1_000_000 + 1))
    }
}
