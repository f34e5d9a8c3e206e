import CUV
import Glibc

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

    /// The process at the other end, as the system says; nil if it does not. Where several processes share the end, it is
    /// the one that connected.
    public var peerProcess: Int32? {
        var descriptor: uv_os_fd_t = 0
        // `ucred` is three 32-bit numbers: process, user, group.
        var credentials: (process: Int32, user: UInt32, group: UInt32) = (0, 0, 0)
        var byteCount = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard !isClosing, uv_fileno(UnsafePointer(OpaquePointer(pipe)), &descriptor) == 0,
            getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &byteCount) == 0, credentials.process > 0
        else { return nil }
        return credentials.process
    }

    var pipe: UnsafeMutablePointer<uv_pipe_t> { storage.assumingMemoryBound(to: uv_pipe_t.self) }
}
