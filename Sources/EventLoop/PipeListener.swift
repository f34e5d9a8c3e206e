import CUV
import Glibc

/// A listening Unix-domain socket.
public final class PipeListener: LoopHandle {
    /// Who may connect: the permission bits of the socket file.
    public enum Access: Sendable {
        /// 0600: the same user.
        case owner
        /// 0660: the same user, and the members of this group; nil leaves the file the group that it gets.
        case ownerAndGroup(gid_t?)

        /// Sets group and permission bits of the file at `path`: first the group, so that no other one gets the bits.
        ///
        /// - Returns: whether both were set; errno says why not.
        fileprivate func apply(to path: String) -> Bool {
            switch self {
            case .owner: return chmod(path, 0o600) == 0
            case .ownerAndGroup(let group):
                if let group, lchown(path, uid_t.max, group) != 0 { return false }
                return chmod(path, 0o660) == 0
            }
        }
    }

    public let path: String
    private var onConnection: ((PipeConnection) -> Void)?
    /// Connections that the system announced and could not hand over.
    public private(set) var failedAccepts: UInt64 = 0

    /// Listens at `path`. A socket file that nobody listens on any more is replaced; the file is removed at close.
    ///
    /// The permission bits are set between bind and listen: before listen nobody can connect, so there is no moment
    /// in which the wrong user could.
    /// - Throws: `socketInUse`, `notASocket`, `pathTooLong` or `bind`.
    public init(
        loop: EventLoop, path: String, access: Access = .owner, backlog: Int32 = 64,
        onConnection: @escaping (PipeConnection) -> Void
    ) throws(LoopError) {
        try UnixSocketPath.check(path)
        try UnixSocketPath.removeStale(path)
        self.path = path
        self.onConnection = onConnection
        try super.init(loop: loop, kind: UV_NAMED_PIPE, what: "create a Unix-domain socket") { loop, raw in
            uv_pipe_init(loop, raw.assumingMemoryBound(to: uv_pipe_t.self), 0)
        }
        let stream = storage.assumingMemoryBound(to: uv_stream_t.self)
        var status = uv_pipe_bind(storage.assumingMemoryBound(to: uv_pipe_t.self), path)
        if status == 0 && !access.apply(to: path) { status = SystemErrorCode(errno: errno).rawValue }
        if status == 0 {
            status = uv_listen(stream, backlog) { raw, status in
                LoopHandle.owner(of: raw, as: PipeListener.self)?.accept(status)
            }
        }
        guard status == 0 else {
            close()
            throw .bind(path, SystemErrorCode(status))
        }
    }

    private func accept(_ status: Int32) {
        guard status == 0, let connection = try? PipeConnection(loop: loop) else {
            failedAccepts += 1
            return
        }
        let client = connection.storage.assumingMemoryBound(to: uv_stream_t.self)
        guard uv_accept(storage.assumingMemoryBound(to: uv_stream_t.self), client) == 0 else {
            failedAccepts += 1
            connection.close()
            return
        }
        if let onConnection { onConnection(connection) } else { connection.close() }
    }

    override func willClose() { onConnection = nil }
}
