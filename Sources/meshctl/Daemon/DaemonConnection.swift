import Control
import EventLoop

/// One connection to a daemon's operator or auditor socket: one question at a time. Not for concurrent use.
final class DaemonConnection {
    private let socket: BlockingSocket
    private let path: String
    private var frames = FrameDecoder()
    private var nextIdentifier: Int64 = 1

    /// How long the daemon may take for one answer or one frame.
    private static let answerMilliseconds: UInt64 = 30_000

    init(path: String) throws {
        self.path = path
        do throws(LoopError) {
            socket = try BlockingSocket(path: path)
        } catch .connect(_, let code) where code == .noSuchFile || code == .connectionRefused {
            throw Failure("no daemon listens on \(path)", advice: "Is meshnode running? Try: meshctl doctor")
        } catch .connect(_, let code) where code == .permissionDenied {
            throw Failure(
                "this account may not use \(path)",
                advice:
                    "The operator socket is for the daemon's user and for the group that [sockets] operator_group names."
            )
        } catch {
            throw Failure(error.description)
        }
    }

    /// Asks, and waits for the answer.
    func ask<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        let identifier = nextIdentifier
        nextIdentifier += 1
        do {
            let request = try Frame(kind: .message, payload: ControlMessage.request(id: identifier, method))
            try socket.write(request.bytes, timeoutMilliseconds: DaemonConnection.answerMilliseconds)
            while true {
                let frame = try nextFrame()
                guard frame.kind == .message else { throw Failure("the daemon on \(path) sent data unasked") }
                switch try ControlReply.decode(frame.payload) {
                case .response(let id, let result) where id == identifier: return try result.decoded(for: Method.self)
                case .refusal(let id, let refusal) where id == identifier || id == nil: throw refusal
                case .version, .closing: continue
                case .response, .refusal: throw Failure("the daemon on \(path) answered another question")
                }
            }
        } catch let refusal as ControlRefusal {
            throw Failure("the daemon refuses: \(refusal.message) (\(refusal.reason.rawValue))")
        } catch let error as LoopError {
            throw Failure("the daemon on \(path) does not answer: \(error)")
        } catch let error as ControlError {
            throw Failure("the daemon on \(path) sent what the schema does not allow: \(error)")
        } catch let error as FrameError {
            throw Failure("the daemon on \(path) sent what the schema does not allow: \(error)")
        }
    }

    /// The frames of a transfer, in order, until `byteCount` bytes of them have come.
    ///
    /// - Parameters:
    ///   - isNext: whether a frame continues what came before it.
    ///   - take: gets the bytes of each.
    func receive(
        transfer: Int64, kind: TensorFrameKind, byteCount: Int64, isNext: (TensorFrame) -> Bool,
        take: (TensorFrame) throws -> Void
    ) throws {
        var received: Int64 = 0
        do {
            while received < byteCount {
                let frame = try nextFrame()
                guard frame.kind == .tensor else { continue }
                let tensor = try TensorFrame(payload: frame.payload)
                guard Int64(tensor.transfer) == transfer, tensor.kind == kind, !tensor.bytes.isEmpty, isNext(tensor),
                    Int64(tensor.bytes.count) <= byteCount - received
                else { throw Failure("the daemon sent data out of order") }
                try take(tensor)
                received += Int64(tensor.bytes.count)
            }
        } catch let error as LoopError {
            throw Failure("the transfer broke off after \(received) of \(byteCount) bytes: \(error)")
        } catch let error as FrameError {
            throw Failure("the transfer broke off after \(received) of \(byteCount) bytes: \(error)")
        }
    }

    private func nextFrame() throws -> Frame {
        while true {
            if let frame = try frames.next() { return frame }
            let bytes = try socket.read(upTo: 1 << 20, timeoutMilliseconds: DaemonConnection.answerMilliseconds)
            guard !bytes.isEmpty else { throw Failure("the daemon on \(path) closed the connection") }
            frames.append(bytes)
        }
    }
}
