import CUV

/// One connection over a Unix-domain socket.
public final class PipeConnection: ByteStream {
    init(loop: EventLoop) throws(LoopError) {
        try super.init(loop: loop, kind: UV_NAMED_PIPE, what: "create a Unix-domain socket") { loop, raw in
            uv_pipe_init(loop, raw.assumingMemoryBound(to: uv_pipe_t.self), 0)
        }
    }

    /// Connects to the socket at `path`. The connection is handed over open, not yet reading.
    /// - Throws: `LoopError.pathTooLong` or `LoopError.operation` before anything is tried.
    @discardableResult
    public static func connect(
        loop: EventLoop, to path: String, timeoutMilliseconds: UInt64,
        completion: @escaping (Result<PipeConnection, LoopError>) -> Void
    ) throws(LoopError) -> ConnectAttempt<PipeConnection> {
        try UnixSocketPath.check(path)
        let connection = try PipeConnection(loop: loop)
        return try ConnectAttempt(
            connection: connection, name: path, timeoutMilliseconds: timeoutMilliseconds, completion: completion,
            begin: { request, callback in
                uv_pipe_connect(request, connection.pipe, path, callback)
                return 0
            })
    }

    var pipe: UnsafeMutablePointer<uv_pipe_t> { storage.assumingMemoryBound(to: uv_pipe_t.self) }
}
