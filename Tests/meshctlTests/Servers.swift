import Control
import Crypto
import EventLoop
import Foundation
import Gossip
import Ledger
import Link

@testable import meshctl

extension Workplace {
    /// Runs `meshctl` and, meanwhile, the loop that answers it.
    func run(_ arguments: [String], answeredBy loop: EventLoop) throws -> Result {
        let running = try start(arguments)
        // A turn now and then, to see whether the process has ended.
        let timer = try LoopTimer(loop: loop)
        timer.start(everyMilliseconds: 10) {}
        defer { timer.close() }
        let deadline = loop.now.advanced(milliseconds: 300_000)
        loop.run(until: { !running.process.isRunning || loop.now > deadline })
        return try running.result(seconds: 0)
    }
}

/// Speaks the daemon's side of the control socket, with answers that a test gives.
final class ScriptedDaemon {
    let loop: EventLoop
    private var connections: [PipeConnection] = []
    private var listener: PipeListener?

    /// - Parameter answer: the frames that answer a call.
    init(path: String, answer: @escaping (Int64, ControlCall) throws -> [Frame]) throws {
        loop = try EventLoop()
        listener = try PipeListener(loop: loop, path: path) { [unowned self] connection in
            connections.append(connection)
            var frames = FrameDecoder()
            connection.onBytes = { bytes in
                frames.append(bytes)
                while let frame = try? frames.next() {
                    guard let request = try? ControlRequest.decode(frame.payload, role: .operator),
                        let replies = try? answer(request.id, request.call)
                    else {
                        connection.close()
                        return
                    }
                    for reply in replies { connection.write(reply.bytes) }
                }
            }
            connection.startReading()
        }
    }

    deinit {
        for connection in connections { connection.close() }
        listener?.close()
        loop.close()
    }

    static func response<Method: ControlMethod>(
        _ id: Int64, _ method: Method.Type, _ response: Method.Response
    ) throws -> [Frame] {
        [try Frame(kind: .message, payload: ControlMessage.response(id: id, to: method, response))]
    }
}

/// A node that answers the link's handshake at a free port of the loopback interface.
final class AnsweringNode {
    let port: UInt16
    private var connections: [TCPConnection] = []
    private var listener: TCPListener?

    /// - Parameter session: a responder for each connection; nil stays silent.
    init(loop: EventLoop, session: @escaping () -> LinkSession?) throws {
        var accept: ((TCPConnection) -> Void)?
        let listener = try TCPListener(loop: loop, address: .loopback(port: 0)) { accept?($0) }
        self.listener = listener
        port = listener.localAddress?.port ?? 0
        accept = { [unowned self] connection in
            connections.append(connection)
            guard let session = session() else {
                connection.startReading()
                return
            }
            connection.onBytes = { bytes in
                var outputs: [LinkOutput] = []
                do {
                    try session.receive(Array(bytes), now: Instant(milliseconds: 0), into: &outputs)
                    while let frame = try session.nextFrame(now: Instant(milliseconds: 0)) { connection.write(frame) }
                } catch {
                    // As the daemon does: it says which network it is of.
                    if case LinkError.otherNetwork(_, let network) = error {
                        connection.write(NetworkHint(network: network).frame)
                    }
                    connection.closeAfterWrites()
                }
            }
            connection.startReading()
        }
    }

    deinit { close() }

    func close() {
        for connection in connections { connection.close() }
        listener?.close()
        listener = nil
    }
}
