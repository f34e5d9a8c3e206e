import Control
import EventLoop
import TestKit

@testable import MeshNode

/// A client of a control socket on the loop of its test. It reads once it is told to.
final class TestClient {
    let stream: PipeConnection
    private(set) var replies: [ControlReply] = []
    /// Raw bytes of tensor frames.
    private(set) var tensorBytes = 0
    /// The frames themselves, if a test wants to see them.
    var keepsFrames = false
    private(set) var frames: [TensorFrame] = []
    private var decoder = FrameDecoder()

    init(stream: PipeConnection) { self.stream = stream }

    /// Connects to the socket at `path`, which somebody listens at.
    static func connect(_ loop: EventLoop, to path: String) throws -> TestClient {
        var connected: PipeConnection?
        try PipeConnection.connect(loop: loop, to: path, timeoutMilliseconds: 30_000) { connected = try? $0.get() }
        try loop.wait(for: "a connection to \(path)") { connected != nil }
        return TestClient(stream: connected!)
    }

    /// What is asked in one turn of the loop goes out together.
    func ask<Method: ControlMethod>(_ id: Int64, _ method: Method) throws {
        stream.write(try Frame(kind: .message, payload: ControlMessage.request(id: id, method)).bytes)
    }

    func read() {
        stream.onBytes = { [unowned self] bytes in
            decoder.append(bytes)
            while let frame = try? decoder.next() {
                switch frame.kind {
                case .message: if let reply = try? ControlReply.decode(frame.payload) { replies.append(reply) }
                case .tensor:
                    tensorBytes += frame.payload.count - TensorFrame.headerBytes
                    if keepsFrames, let tensor = try? TensorFrame(payload: frame.payload) { frames.append(tensor) }
                }
            }
        }
        stream.startReading()
    }

    func stopReading() { stream.pauseReading() }

    /// Why a request was refused; nil where it was not, or is not answered yet.
    func refusal(of id: Int64) -> ControlReason? {
        for case .refusal(id, let refusal) in replies { return refusal.reason }
        return nil
    }

    /// What a request was answered with.
    func response<Method: ControlMethod>(_ id: Int64, of method: Method.Type) throws -> Method.Response {
        for case .response(id, let result) in replies { return try result.decoded(for: method) }
        throw TestFailure("request \(id) has no response")
    }

    func isAnswered(_ id: Int64) -> Bool {
        replies.contains { reply in
            switch reply {
            case .response(let answered, _): answered == id
            case .refusal(let answered, _): answered == id
            case .version, .closing: false
            }
        }
    }
}

extension EventLoop {
    /// Turns the loop until the condition holds; a watch that rings after a minute, later under a sanitizer, fails the test.
    func wait(for what: String, _ condition: () -> Bool) throws {
        let deadline = now.advanced(milliseconds: UInt64(60_000 * Sanitizer.slowness))
        let ticker = try LoopTimer(loop: self)
        ticker.start(everyMilliseconds: 10) {}
        defer { ticker.close() }
        run(until: { condition() || now > deadline })
        if !condition() { throw TestFailure("waited in vain for \(what)") }
    }
}
