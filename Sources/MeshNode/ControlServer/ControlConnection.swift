import Control
import EventLoop

/// One client of a control socket: frames in, requests out, answers back. The socket decides what the client may ask.
///
/// A request is dealt with once the one before it is answered and the client has taken what waited for it, so what a
/// client can make the daemon hold is bounded. The frames of a transfer from the client cause no output and do not wait:
/// who hands something over before it reads gets on.
final class ControlConnection {
    var onRequest: ((ControlRequest) -> Void)?
    var onTensor: ((TensorFrame) -> Void)?
    var onClosed: (() -> Void)?

    /// Whose socket the client connected to.
    let role: ControlRole
    /// The process at the other end, 0 if that is not known.
    let process: Int32
    private let turns: ControlTurns
    /// Whether a whole request ever came.
    private(set) var hasRequested = false
    /// Requests that were answered or refused so far.
    private(set) var answered: UInt64 = 0
    /// When bytes last came from the client or were taken by it, or an answer was given.
    private(set) var lastActive: MonotonicInstant
    private let stream: PipeConnection
    private var decoder = FrameDecoder()
    /// A request whose turn has not come. Nothing that follows it is read.
    private var waitingRequest: [UInt8]?
    /// A request was handed to `onRequest` and has neither an answer nor a refusal.
    private var isAnswering = false
    /// While a frame is being dealt with, nothing more is read: the client is slowed down, memory stays bounded.
    private var isHeld = false
    private var isDecoding = false
    private var isClosed = false
    private var drained: [() -> Void] = []
    /// The newest version of which a client that takes nothing is still to be told.
    private var waitingVersion: RoundVersion?
    /// When the current round closes, of which such a client is still to be told.
    private var waitingClosing: (version: DigestText, deadlineMilliseconds: UInt64)?
    /// What is under way to the client in tensor frames.
    private(set) var outgoing: TensorFrameKind?

    init(stream: PipeConnection, role: ControlRole, turns: ControlTurns) {
        self.stream = stream
        self.turns = turns
        self.role = role
        process = stream.peerProcess ?? 0
        lastActive = stream.loop.now
        stream.highWaterBytes = 1 << 20
    }

    func start() {
        stream.onBytes = { [weak self] bytes in
            self?.noteActivity()
            self?.decoder.append(bytes)
            self?.decode()
        }
        stream.onDrained = { [weak self] in
            self?.noteActivity()
            let waiting = self?.drained ?? []
            self?.drained = []
            for action in waiting { action() }
            self?.notifyOfWhatWaits()
            self?.decode()
        }
        stream.onClosed = { [self] _ in
            isClosed = true
            drained = []
            outgoing = nil
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

    /// Closes without waiting for the client to take what is left.
    func closeAtOnce() { stream.close() }

    private func noteActivity() { lastActive = stream.loop.now }

    /// Whether the client takes nothing of what waits for it.
    var hasUnsent: Bool { stream.pendingBytes > 0 }

    /// Whether something that the client asked for is under way.
    var isBusy: Bool { isAnswering || waitingRequest != nil || isHeld || outgoing != nil || hasUnsent }

    /// Stops reading until `release`.
    func hold() {
        isHeld = true
        stream.pauseReading()
    }

    func release() {
        guard isHeld, !isClosed else { return }
        isHeld = false
        decode()
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
            return refuse(id, ControlRefusal(error))
        }
        goOn()
    }

    func refuse(_ id: Int64?, _ refusal: ControlRefusal) {
        if let bytes = try? ControlMessage.refusal(id: id, refusal) { send(bytes) }
        goOn()
    }

    /// A client has one request under way, so whatever is answered, it is that one.
    private func goOn() {
        isAnswering = false
        answered += 1
        noteActivity()
        decode()
    }

    func notify(_ version: RoundVersion) {
        waitingVersion = version
        waitingClosing = nil
        notifyOfWhatWaits()
    }

    /// The round on this version closes then, by the loop's clock.
    func notify(closing version: DigestText, deadlineMilliseconds: UInt64) {
        waitingClosing = (version, deadlineMilliseconds)
        notifyOfWhatWaits()
    }

    private func notifyOfWhatWaits() {
        guard !stream.isAboveHighWater else { return }
        if let version = waitingVersion {
            waitingVersion = nil
            if let bytes = try? ControlMessage.notification(version) { send(bytes) }
        }
        if let (version, deadline) = waitingClosing {
            waitingClosing = nil
            let now = stream.loop.now.milliseconds
            let remaining = deadline > now ? deadline - now : 0
            let closing = RoundClosing(version: version, milliseconds: Int64(clamping: remaining))
            if let bytes = try? ControlMessage.notification(closing) { send(bytes) }
        }
    }

    /// Takes the connection for tensor frames of this kind until `endSending`; where others are under way, refuses the
    /// request and returns false.
    func beginSending(_ kind: TensorFrameKind, for id: Int64) -> Bool {
        guard outgoing == nil else {
            refuse(id, ControlRefusal(.busy, message: "a transfer to this client is under way already"))
            return false
        }
        outgoing = kind
        return true
    }

    func endSending() { outgoing = nil }

    func send(_ frame: TensorFrame) {
        if let frame = try? frame.frame() { stream.write(frame.bytes) }
    }

    private func send(_ message: [UInt8]) {
        if let frame = try? Frame(kind: .message, payload: message) { stream.write(frame.bytes) }
    }

    /// One request may be handled now.
    func takeTurn() { decode() }

    private func decode() {
        guard !isDecoding, !isClosed else { return }
        isDecoding = true
        defer { isDecoding = false }
        do throws(FrameError) {
            while !isHeld, !isClosed {
                if let request = waitingRequest {
                    guard !isAnswering, !stream.isAboveHighWater, turns.take(self) else { break }
                    waitingRequest = nil
                    received(request)
                    continue
                }
                guard let frame = try decoder.next() else { break }
                switch frame.kind {
                case .message:
                    hasRequested = true
                    waitingRequest = frame.payload
                case .tensor: onTensor?(try TensorFrame(payload: frame.payload))
                }
            }
        } catch {
            refuse(nil, ControlRefusal(.invalidRequest, message: "\(error)"))
            return close()
        }
        if isHeld || waitingRequest != nil { stream.pauseReading() } else { stream.startReading() }
    }

    private func received(_ bytes: [UInt8]) {
        do throws(RejectedRequest) {
            let request = try ControlRequest.decode(bytes, role: role)
            isAnswering = true
            onRequest?(request)
        } catch {
            refuse(error.id, ControlRefusal(error.error))
        }
    }
}
