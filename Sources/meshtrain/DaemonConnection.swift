import Control
import EventLoop

/// What goes wrong between trainer and daemon.
enum ConnectionError: Error, CustomStringConvertible {
    /// The daemon closed the connection.
    case closed
    /// The daemon sent what the schema does not allow here.
    case unexpected(String)

    var description: String {
        switch self {
        case .closed: "the daemon closed the connection"
        case .unexpected(let what): "the daemon sent \(what)"
        }
    }
}

/// One connection to the daemon's trainer socket: one question at a time, and the notifications that come between.
/// Not for concurrent use.
final class DaemonConnection {
    private let socket: BlockingSocket
    private var frames = FrameDecoder()
    private var nextIdentifier: Int64 = 1
    private var lastTransfer: UInt32 = 0
    /// The newest version that the daemon told of and nobody took yet.
    private var announced: RoundVersion?
    /// Until when a contribution to this version is in time, as the daemon told last.
    private var closing: (version: DigestText, told: Duration, deadline: ContinuousClock.Instant)?

    /// How long the daemon may take for one answer or one frame.
    private static let answerMilliseconds: UInt64 = 120_000

    init(path: String) throws {
        socket = try BlockingSocket(path: path)
    }

    /// Asks, and waits for the answer.
    ///
    /// - Throws: `ControlRefusal` where the daemon refuses, `ConnectionError`, `LoopError`.
    func call<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        let identifier = nextIdentifier
        nextIdentifier += 1
        try send(try Frame(kind: .message, payload: ControlMessage.request(id: identifier, method)))
        while true {
            switch try ControlReply.decode(try message()) {
            case .version(let version): announced = version
            case .closing(let closing): keep(closing)
            case .response(let id, let result) where id == identifier: return try result.decoded(for: Method.self)
            case .refusal(let id, let refusal) where id == identifier || id == nil: throw refusal
            case .response, .refusal: throw ConnectionError.unexpected("an answer to another question")
            }
        }
    }

    /// A number for a transfer, unique on this connection.
    func newTransfer() -> UInt32 {
        lastTransfer += 1
        return lastTransfer
    }

    func send(_ frame: Frame) throws {
        try socket.write(frame.bytes, timeoutMilliseconds: DaemonConnection.answerMilliseconds)
    }

    /// The next tensor frame of a transfer.
    func tensorFrame() throws -> TensorFrame {
        while true {
            let frame = try nextFrame(timeoutMilliseconds: DaemonConnection.answerMilliseconds)
            switch frame.kind {
            case .tensor: return try TensorFrame(payload: frame.payload)
            case .message: try keepNotification(frame.payload)
            }
        }
    }

    /// How long a contribution to this version is in time; nil while the daemon has not told. What has arrived by
    /// `takeAnnouncedVersion` counts.
    ///
    /// - Returns: `remaining` from now, `told` when the daemon told of it.
    func timeUntilClosing(of version: DigestText) -> (remaining: Duration, told: Duration)? {
        guard let closing, closing.version == version else { return nil }
        return (closing.deadline - .now, closing.told)
    }

    /// A version that was announced since the last call, without waiting.
    func takeAnnouncedVersion() throws -> RoundVersion? {
        do {
            while true {
                let frame = try nextFrame(timeoutMilliseconds: 0)
                guard frame.kind == .message else { throw ConnectionError.unexpected("a tensor frame unasked") }
                try keepNotification(frame.payload)
            }
        } catch LoopError.timedOut {
            defer { announced = nil }
            return announced
        }
    }

    /// Waits for the next version, as long as it takes.
    func nextVersion() throws -> RoundVersion {
        while true {
            if let version = try takeAnnouncedVersion() { return version }
            do {
                let frame = try nextFrame(timeoutMilliseconds: 60_000)
                guard frame.kind == .message else { throw ConnectionError.unexpected("a tensor frame unasked") }
                try keepNotification(frame.payload)
            } catch LoopError.timedOut {
                continue
            }
        }
    }

    private func keepNotification(_ payload: [UInt8]) throws {
        switch try ControlReply.decode(payload) {
        case .version(let version): announced = version
        case .closing(let closing): keep(closing)
        case .response, .refusal: throw ConnectionError.unexpected("an answer to no question")
        }
    }

    private func keep(_ closing: RoundClosing) {
        let told = Duration.milliseconds(closing.milliseconds)
        self.closing = (closing.version, told, .now + told)
    }

    private func message() throws -> [UInt8] {
        let frame = try nextFrame(timeoutMilliseconds: DaemonConnection.answerMilliseconds)
        guard frame.kind == .message else { throw ConnectionError.unexpected("a tensor frame in place of an answer") }
        return frame.payload
    }

    private func nextFrame(timeoutMilliseconds: UInt64) throws -> Frame {
        while true {
            if let frame = try frames.next() { return frame }
            let bytes = try socket.read(upTo: 1 << 20, timeoutMilliseconds: timeoutMilliseconds)
            guard !bytes.isEmpty else { throw ConnectionError.closed }
            frames.append(bytes)
        }
    }
}
