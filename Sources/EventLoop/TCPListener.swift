import CUV

/// A listening TCP socket.
public final class TCPListener: LoopHandle {
    /// Called with each accepted connection: open, not yet reading, with Nagle's algorithm off.
    private var onConnection: ((TCPConnection) -> Void)?
    /// Connections that the system announced and could not hand over, for instance for want of file descriptors.
    public private(set) var failedAccepts: UInt64 = 0

    /// Listens on `address`; port 0 takes a free one, see `localAddress`.
    /// - Parameters:
    ///   - backlog: how many connections may wait to be accepted, at least 1.
    /// - Throws: `LoopError.bind` with the address and the system's reason.
    public init(
        loop: EventLoop, address: SocketAddress, backlog: Int32 = 128,
        onConnection: @escaping (TCPConnection) -> Void
    ) throws(LoopError) {
        self.onConnection = onConnection
        try super.init(loop: loop, kind: UV_TCP, what: "create a TCP socket") { loop, raw in
            uv_tcp_init(loop, raw.assumingMemoryBound(to: uv_tcp_t.self))
        }
        // An IPv6 listener takes no IPv4: otherwise [::] and 0.0.0.0 at one port would exclude each other.
        let flags = address.isIPv6 ? UInt32(UV_TCP_IPV6ONLY.rawValue) : 0
        var status = address.withSockaddr { uv_tcp_bind(tcp, $0, flags) }
        if status == 0 {
            let stream = storage.assumingMemoryBound(to: uv_stream_t.self)
            status = uv_listen(stream, backlog) { raw, status in
                LoopHandle.owner(of: raw, as: TCPListener.self)?.accept(status)
            }
        }
        guard status == 0 else {
            close()
            throw .bind(address.description, SystemErrorCode(status))
        }
    }

    /// The address that it listens on, nil once it closes.
    public var localAddress: SocketAddress? {
        guard !isClosing else { return nil }
        return SocketAddress.read { uv_tcp_getsockname(tcp, $0, $1) }
    }

    private func accept(_ status: Int32) {
        guard status == 0, let connection = try? TCPConnection(loop: loop) else {
            failedAccepts += 1
            return
        }
        let client = connection.storage.assumingMemoryBound(to: uv_stream_t.self)
        guard uv_accept(storage.assumingMemoryBound(to: uv_stream_t.self), client) == 0 else {
            failedAccepts += 1
            connection.close()
            return
        }
        connection.setNoDelay(true)
        if let onConnection { onConnection(connection) } else { connection.close() }
    }

    override func willClose() { onConnection = nil }

    private var tcp: UnsafeMutablePointer<uv_tcp_t> { storage.assumingMemoryBound(to: uv_tcp_t.self) }
}
