import CUV

/// An error number of the system, as libuv reports it (negative errno, or one of libuv's own).
public struct SystemErrorCode: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The number behind a positive `errno`.
    init(errno number: Int32) {
        rawValue = -number
    }

    /// The symbolic name, such as `ECONNREFUSED`.
    public var name: String { String(cString: uv_err_name(rawValue)) }

    /// The system's words for it, such as `connection refused`.
    public var description: String { "\(String(cString: uv_strerror(rawValue))) (\(name))" }

    public static let addressInUse = SystemErrorCode(UV_EADDRINUSE.rawValue)
    public static let connectionRefused = SystemErrorCode(UV_ECONNREFUSED.rawValue)
    public static let connectionReset = SystemErrorCode(UV_ECONNRESET.rawValue)
    public static let brokenPipe = SystemErrorCode(UV_EPIPE.rawValue)
    public static let cancelled = SystemErrorCode(UV_ECANCELED.rawValue)
    public static let permissionDenied = SystemErrorCode(UV_EACCES.rawValue)
    public static let noSuchFile = SystemErrorCode(UV_ENOENT.rawValue)
}

/// What went wrong on a loop, with the address or name that it went wrong with.
public enum LoopError: Error, Hashable, Sendable {
    /// A listening socket could not take this address.
    case bind(String, SystemErrorCode)
    /// A connection to this address could not be made.
    case connect(String, SystemErrorCode)
    /// A connection to this address was not made in the time that the caller gave.
    case connectTimedOut(String, milliseconds: UInt64)
    /// The caller gave up.
    case cancelled
    /// A host name could not be resolved.
    case resolve(String, SystemErrorCode)
    /// The name service did not answer about this host name in time.
    case resolveTimedOut(String, milliseconds: UInt64)
    /// Another process listens on this Unix-domain socket.
    case socketInUse(path: String)
    /// Something that is not a socket lies at this path; it is left alone.
    case notASocket(path: String)
    /// A Unix-domain socket path has more bytes than the system takes.
    case pathTooLong(path: String, limitBytes: Int)
    /// This text is not a numeric address with a port.
    case invalidAddress(String)
    /// A connection broke while reading or writing.
    case stream(SystemErrorCode)
    /// A blocking read or write took longer than the caller allows.
    case timedOut(milliseconds: UInt64)
    /// Any other call that the system refused; the first value says what was tried.
    case operation(String, SystemErrorCode)
}

extension LoopError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bind(let address, let code): "cannot listen on \(address): \(code)"
        case .connect(let address, let code): "cannot connect to \(address): \(code)"
        case .connectTimedOut(let address, let milliseconds):
            "no connection to \(address) within \(milliseconds) ms"
        case .cancelled: "cancelled"
        case .resolve(let host, let code): "cannot resolve \(host): \(code)"
        case .resolveTimedOut(let host, let milliseconds):
            "cannot resolve \(host): the name service did not answer within \(milliseconds) ms"
        case .socketInUse(let path): "another process listens on \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .pathTooLong(let path, let limit): "socket path \(path) has more than \(limit) bytes"
        case .invalidAddress(let text): "\(text) is not a numeric address with a port"
        case .stream(let code): "connection broken: \(code)"
        case .timedOut(let milliseconds): "no answer within \(milliseconds) ms"
        case .operation(let what, let code): "cannot \(what): \(code)"
        }
    }
}
