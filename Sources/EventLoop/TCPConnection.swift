import CUV
import Glibc

/// One TCP connection over IPv4 or IPv6.
public final class TCPConnection: ByteStream {
    init(loop: EventLoop) throws(LoopError) {
        try super.init(loop: loop, kind: UV_TCP, what: "create a TCP socket") { loop, raw in
            uv_tcp_init(loop, raw.assumingMemoryBound(to: uv_tcp_t.self))
        }
    }

    /// Connects to `address`. The connection is handed over open, not yet reading, with Nagle's algorithm off.
    /// - Parameters:
    ///   - timeoutMilliseconds: how long the attempt may take before it fails with `LoopError.connectTimedOut`.
    ///   - completion: gets the connection, or `connect`, `connectTimedOut` or `cancelled`.
    /// - Throws: `LoopError.operation` where no socket can be had at all.
    @discardableResult
    public static func connect(
        loop: EventLoop, to address: SocketAddress, timeoutMilliseconds: UInt64,
        completion: @escaping (Result<TCPConnection, LoopError>) -> Void
    ) throws(LoopError) -> ConnectAttempt<TCPConnection> {
        let connection = try TCPConnection(loop: loop)
        return try ConnectAttempt(
            connection: connection, name: address.description, timeoutMilliseconds: timeoutMilliseconds,
            completion: { result in
                if case .success(let connection) = result { connection.setNoDelay(true) }
                completion(result)
            },
            begin: { request, callback in
                address.withSockaddr { uv_tcp_connect(request, connection.tcp, $0, callback) }
            })
    }

    /// The other side's address, nil where the connection is gone.
    public var peerAddress: SocketAddress? {
        guard !isClosing else { return nil }
        return SocketAddress.read { uv_tcp_getpeername(tcp, $0, $1) }
    }

    /// This side's address, nil where the connection is gone.
    public var localAddress: SocketAddress? {
        guard !isClosing else { return nil }
        return SocketAddress.read { uv_tcp_getsockname(tcp, $0, $1) }
    }

    /// With true, small segments are sent without waiting for the acknowledgement of earlier ones (RFC 896 off).
    @discardableResult
    public func setNoDelay(_ isOn: Bool) -> Bool {
        loop.checkThread()
        return !isClosing && uv_tcp_nodelay(tcp, isOn ? 1 : 0) == 0
    }

    /// Lets the system probe a silent connection after so many idle seconds, at least 1; nil turns that off.
    @discardableResult
    public func setKeepAlive(idleSeconds: UInt32?) -> Bool {
        loop.checkThread()
        return !isClosing && uv_tcp_keepalive(tcp, idleSeconds == nil ? 0 : 1, idleSeconds ?? 0) == 0
    }

    /// Bounds what the system takes from this side before the network takes it from the system (TCP_NOTSENT_LOWAT of
    /// tcp(7)). Without it a socket's buffer grows to megabytes, and what is written next waits behind all of them.
    @discardableResult
    public func setUnsentLimit(bytes: Int32) -> Bool {
        loop.checkThread()
        var descriptor = uv_os_fd_t()
        guard !isClosing, uv_fileno(UnsafePointer(OpaquePointer(tcp)), &descriptor) == 0 else { return false }
        var limit = bytes
        return setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &limit, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    var tcp: UnsafeMutablePointer<uv_tcp_t> { storage.assumingMemoryBound(to: uv_tcp_t.self) }
}
