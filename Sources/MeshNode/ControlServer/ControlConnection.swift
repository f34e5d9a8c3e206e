import Control
import EventLoop

/// One client of the control socket: frames in, requests out, answers back. A client is a trainer or an operator; its
/// first request says which.
final class ControlConnection {
    var onRequest: ((ControlRequest) -> Void)?
    var onTensor: ((TensorFrame) -> Void)?
    var onClosed: (() -> Void)?

    private(set) var role: ControlRole?
    private let stream: PipeConnection
    private var decoder = FrameDecoder()
    /// While a frame is being dealt with, nothing more is read: the client is slowed down, memory stays bounded.
    private var isHeld = false
    private var isDecoding = false
    private var isClosed = false
    private var drained: [() -> Void] = []

    init(stream: PipeConnection) {
        self.stream = stream
        stream.highWaterBytes = 1 << 20
    }

    func start() {
        stream.onBytes = { [weak self] bytes in
            self?.decoder.append(bytes)
            self?.decode()
        }
        stream.onDrained = { [weak self] in
            let waiting = self?.drained ?? []
            self?.drained = []
            for action in waiting { action() }
        }
        stream.onClosed = { [self] _ in
            isClosed = true
            drained = []
            let onClosed = onClosed
            self.onClosed = nil
            onRequest = nil
            onTensor = nil
            onClosed?()
        }
        stream.startReading()
    }

    var isOpen: Bool { !isClosed }

    func close() { stream.closeAfterWrites() }

    /// Stops reading until `release`.
    func hold() {
        isHeld = true
        stream.pauseReading()
    }

    func release() {
        guard isHeld, !isClosed else { return }
        isHeld = false
        decode()
        if !isHeld { stream.startReading() }
    }

    /// Calls `action` once the client has taken what was written, at once where it has.
    func whenDrained(_ action: @escaping () -> Void) {
        guard !isClosed else { return }
        if stream.isAboveHighWater { drained.append(action) } else { action() }
    }

    func answer<Method: ControlMethod>(_ id: Int64, to method: Method.Type, _ result: Method.Response) {
        do throws(ControlError) {
            send(try ControlMessage.response(id: id, to: method, result))
        } catch {
            refuse(id, ControlRefusal(error))
        }
    }

    func refuse(_ id: Int64?, _ refusal: ControlRefusal) {
        if let bytes = try? ControlMessage.refusal(id: id, refusal) { send(bytes) }
    }

    func notify(_ version: RoundVersion) {
        if let bytes = try? ControlMessage.notification(version) { send(bytes) }
    }

    func send(_ frame: TensorFrame) {
        if let frame = try? frame.frame() { stream.write(frame.bytes) }
    }

    private func send(_ message: [UInt8]) {
        if let frame = try? Frame(kind: .message, payload: message) { stream.write(frame.bytes) }
    }

    private func decode() {
        guard !isDecoding else { return }
        isDecoding = true
        defer { isDecoding = false }
        do throws(FrameError) {
            while !isHeld, !isClosed, let frame = try decoder.next() {
                switch frame.kind {
                case .message: received(frame.payload)
                case .tensor: onTensor?(try TensorFrame(payload: frame.payload))
                }
            }
        } catch {
            refuse(nil, ControlRefusal(.invalidRequest, message: "\(error)"))
            close()
        }
    }

    private func received(_ bytes: [UInt8]) {
        do throws(RejectedRequest) {
            let request = try decodeRequest(bytes)
            onRequest?(request)
        } catch {
            refuse(error.id, ControlRefusal(error.error))
        }
    }

    /// A client that has not said yet what it is may be either.
    private func decodeRequest(_ bytes: [UInt8]) throws(RejectedRequest) -> ControlRequest {
        if let role { return try ControlRequest.decode(bytes, role: role) }
        do throws(RejectedRequest) {
            let request = try ControlRequest.decode(bytes, role: .operator)
            role = .operator
            return request
        } catch {
            guard case .forbidden = error.error else { throw error }
            let request = try ControlRequest.decode(bytes, role: .trainer)
            role = .trainer
            return request
        }
    }
}
