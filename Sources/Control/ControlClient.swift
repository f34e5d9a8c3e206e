import EventLoop

/// What the daemon tells between its answers.
public enum ControlNotification: Sendable {
    case version(RoundVersion)
    case closing(RoundClosing)
}

/// What goes wrong between a client and the daemon, besides refusals and broken sockets.
public enum ControlClientError: Error, Equatable, CustomStringConvertible {
    /// The daemon closed the connection.
    case closed
    /// The daemon sent what the schema does not allow here.
    case unexpected(String)

    public var description: String {
        switch self {
        case .closed: "the daemon closed the connection"
        case .unexpected(let what): "the daemon sent \(what)"
        }
    }
}

/// One connection to a socket of a daemon: one question at a time, tensor frames, and what the daemon tells meanwhile. Every call
/// waits, none longer than its limit. Not for concurrent use.
///
/// All calls throw `LoopError` if the socket breaks or takes too long, `ControlClientError`, and `FrameError` or
/// `ControlError` for bytes that the schema does not allow.
public final class ControlClient {
    private let socket: BlockingSocket
    private let answerMilliseconds: UInt64
    private var frames = FrameDecoder()
    private var nextIdentifier: Int64 = 1

    /// Gets every notification, in order, during whichever call reads it.
    public var onNotification: (ControlNotification) -> Void = { _ in }

    /// - Parameter answerMilliseconds: how long the daemon may take for one answer or one frame.
    public init(path: String, answerMilliseconds: UInt64 = 30_000) throws(LoopError) {
        socket = try BlockingSocket(path: path)
        self.answerMilliseconds = answerMilliseconds
    }

    /// Asks, and waits for the answer.
    ///
    /// - Throws: besides, `ControlRefusal` if the daemon refuses.
    public func call<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        let identifier = nextIdentifier
        nextIdentifier += 1
        try send(try Frame(kind: .message, payload: ControlMessage.request(id: identifier, method)))
        while true {
            let frame = try nextFrame(timeoutMilliseconds: answerMilliseconds)
            guard frame.kind == .message else {
                throw ControlClientError.unexpected("a tensor frame in place of an answer")
            }
            switch try ControlReply.decode(frame.payload) {
            case .response(let id, let result) where id == identifier: return try result.decoded(for: Method.self)
            case .refusal(let id, let refusal) where id == identifier || id == nil: throw refusal
            case .version(let version): onNotification(.version(version))
            case .closing(let closing): onNotification(.closing(closing))
            case .response, .refusal: throw ControlClientError.unexpected("an answer to another question")
            }
        }
    }

    public func send(_ frame: Frame) throws { try send(bytes: frame.bytes) }

    /// Sends bytes as they are: for tests of what a daemon does with any.
    package func send(bytes: [UInt8]) throws { try socket.write(bytes, timeoutMilliseconds: answerMilliseconds) }

    /// The next tensor frame of a transfer.
    public func tensorFrame() throws -> TensorFrame {
        while true {
            let frame = try nextFrame(timeoutMilliseconds: answerMilliseconds)
            switch frame.kind {
            case .tensor: return try TensorFrame(payload: frame.payload)
            case .message: try notify(frame.payload)
            }
        }
    }

    /// Waits for the next notification.
    ///
    /// - Parameter timeoutMilliseconds: 0 takes only what has arrived.
    /// - Returns: false if none came in time.
    public func waitForNotification(timeoutMilliseconds: UInt64) throws -> Bool {
        let frame: Frame
        do {
            frame = try nextFrame(timeoutMilliseconds: timeoutMilliseconds)
        } catch LoopError.timedOut {
            return false
        }
        guard frame.kind == .message else { throw ControlClientError.unexpected("a tensor frame unasked") }
        try notify(frame.payload)
        return true
    }

    private func notify(_ payload: [UInt8]) throws {
        switch try ControlReply.decode(payload) {
        case .version(let version): onNotification(.version(version))
        case .closing(let closing): onNotification(.closing(closing))
        case .response, .refusal: throw ControlClientError.unexpected("an answer to no question")
        }
    }

    private func nextFrame(timeoutMilliseconds: UInt64) throws -> Frame {
        while true {
            if let frame = try frames.next() { return frame }
            let bytes = try socket.read(upTo: 1 << 20, timeoutMilliseconds: timeoutMilliseconds)
            guard !bytes.isEmpty else { throw ControlClientError.closed }
            frames.append(bytes)
        }
    }
}
