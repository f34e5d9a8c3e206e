import Control
import EventLoop

/// Asks a daemon one thing after the other over its control socket.
final class DaemonClient {
    private let socket: BlockingSocket
    private var frames = FrameDecoder()
    private var nextIdentifier: Int64 = 1

    private static let answerMilliseconds: UInt64 = 300_000

    init(path: String) throws { socket = try BlockingSocket(path: path) }

    func call<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        let identifier = nextIdentifier
        nextIdentifier += 1
        try send(try Frame(kind: .message, payload: ControlMessage.request(id: identifier, method)))
        while true {
            let frame = try nextFrame()
            guard frame.kind == .message else { continue }
            switch try ControlReply.decode(frame.payload) {
            case .response(let id, let result) where id == identifier: return try result.decoded(for: Method.self)
            case .refusal(_, let refusal): throw refusal
            case .response, .version, .closing: continue
            }
        }
    }

    func send(_ frame: Frame) throws {
        try socket.write(frame.bytes, timeoutMilliseconds: DaemonClient.answerMilliseconds)
    }

    private func nextFrame() throws -> Frame {
        while true {
            if let frame = try frames.next() { return frame }
            let bytes = try socket.read(upTo: 1 << 20, timeoutMilliseconds: DaemonClient.answerMilliseconds)
            guard !bytes.isEmpty else { throw ClosedByDaemon() }
            frames.append(bytes)
        }
    }
}

struct ClosedByDaemon: Error, CustomStringConvertible {
    let description = "the daemon closed the connection"
}
