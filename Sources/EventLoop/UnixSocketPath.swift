import CUV
import Glibc

/// What can be said of the path of a Unix-domain socket without libuv.
enum UnixSocketPath {
    /// Bytes that a path may have, the ending zero apart (`sun_path` of unix(7)).
    static let limitBytes = 107

    /// - Throws: `LoopError.pathTooLong`; an empty path, or one with a zero byte, as `LoopError.bind`.
    static func check(_ path: String) throws(LoopError) {
        guard path.utf8.count <= limitBytes else { throw .pathTooLong(path: path, limitBytes: limitBytes) }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .operation("use \"\(path)\" as a socket path", SystemErrorCode(UV_EINVAL.rawValue))
        }
    }

    /// Makes room at `path` for a new socket: a socket file that nobody listens on is removed, anything else stays.
    /// - Throws: `socketInUse` where somebody listens, `notASocket` where something else lies there.
    static func removeStale(_ path: String) throws(LoopError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw .bind(path, SystemErrorCode(errno: errno))
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .bind(path, SystemErrorCode(errno: errno)) }
        defer { Glibc.close(descriptor) }
        let connected = withSockaddr(path) { Glibc.connect(descriptor, $0, $1) }
        // Only a refusal proves that nobody listens: a full backlog or a missing permission does not.
        guard connected != 0, errno == ECONNREFUSED else { throw .socketInUse(path: path) }
        guard unlink(path) == 0 || errno == ENOENT else { throw .bind(path, SystemErrorCode(errno: errno)) }
    }

    /// The path in the system's form, valid during `body`. The path was checked.
    static func withSockaddr<Output>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Output) -> Output {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path.utf8.prefix(limitBytes))
        }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
