import Crypto
import EventLoop
import Gossip
import Ledger
import Link

/// One TCP connection with its link session: moves bytes, time and backpressure, knows nothing of the mesh.
final class PeerConnection {
    /// Why a connection ended.
    enum End: Equatable {
        case link(LinkError)
        case stream(StreamCloseReason)
        /// The other side ended an initiator's connection before its first frame: it does not know our link key.
        case refusedByPeer
        /// This side closed it, for a reason that was said elsewhere.
        case closedHere
        case tooMuchWaiting
    }

    let session: LinkSession
    /// The remote address as text.
    let remote: String
    /// The target that was dialled; nil for an accepted connection.
    let dialled: Dialer.Source?
    /// Its number among this daemon's connections: lower is older.
    let begun: UInt64
    /// Who is at the other end, given once the session is established. The session forgets it where it fails.
    var member: MemberID?
    /// Given once the session is established and the connection is the member's link.
    var link: LinkID?
    /// Bytes of this peer's pieces that the shell holds.
    var heldBytes = 0
    /// What its pieces took on the link, headers and frames included.
    var receivedPieceBytes: UInt64 = 0
    /// Bytes of pieces that are being read from disk for this peer.
    var readingBytes = 0

    var onOutput: ((LinkOutput) -> Void)?
    /// Lets the signatures of messages be checked on other threads, and calls back then. Gives false, and does not call back,
    /// if there is nothing to check.
    var onCheck: (([[UInt8]], LinkID, @escaping () -> Void) -> Bool)?
    /// More came than one turn of the loop may handle: `work` is to be called again at the next.
    var onBacklog: (() -> Void)?
    /// How many signatures this node has computed so far.
    var signaturesComputed: () -> UInt64 = { 0 }
    /// What a turn's time is measured by.
    var clock: () -> MonotonicInstant = MonotonicInstant.now
    var onEnd: ((End) -> Void)?

    private let stream: TCPConnection
    private var end: End?
    private var isPumping = false
    /// What came and was not handled in the turn in which it came, and why the session ended after it.
    private var backlog: [LinkOutput] = []
    private var handled = 0
    /// How many of these were given to be checked ahead.
    private var checked = 0
    private var isChecking = false
    private var use = TurnUse(turn: 0)
    private var failure: LinkError?
    private var isPaused = false
    private let network: NetworkID
    /// What came since this side asked an initiator's failed handshake's other side for its network.
    private var hintBytes: [UInt8]?
    private var hintTicks = 0

    init(
        stream: TCPConnection, session: LinkSession, network: NetworkID, remote: String, dialled: Dialer.Source?,
        begun: UInt64
    ) {
        self.network = network
        self.stream = stream
        self.session = session
        self.remote = remote
        self.dialled = dialled
        self.begun = begun
        stream.highWaterBytes = TransportLimits.socketHighWaterBytes
        stream.setUnsentLimit(bytes: TransportLimits.socketUnsentBytes)
        stream.setKeepAlive(idleSeconds: 30)
    }

    var receivedBytes: UInt64 { stream.receivedBytes }
    var sentBytes: UInt64 { stream.writtenBytes }
    var isInitiator: Bool { dialled != nil }
    var isEnding: Bool { end != nil }
    /// Bytes of pieces that wait for this peer or are on their way to it.
    var waitingPieceBytes: Int { session.pendingPieceBytes + readingBytes }

    func start() {
        stream.onBytes = { [weak self] bytes in self?.received(Array(bytes)) }
        stream.onDrained = { [weak self] in self?.pump() }
        stream.onClosed = { [self] reason in closed(reason) }
        stream.startReading()
        pump()
    }

    func enqueue(control bytes: [UInt8]) {
        session.enqueueControl(bytes)
        guard session.pendingControlBytes <= TransportLimits.controlBytesPerPeer else {
            return finish(.tooMuchWaiting)
        }
        pump()
    }

    func enqueue(piece name: PieceName, proof: [Digest], bytes: [UInt8]) {
        session.enqueuePiece(name, proof: proof, bytes: bytes)
        pump()
    }

    func tick() {
        guard end == nil else { return }
        if hintBytes != nil {
            hintTicks += 1
            if hintTicks > TransportLimits.hintTicksMaximum { finish(.link(.otherNetworkOrWireVersion)) }
            return
        }
        do throws(LinkError) { try session.tick(now: now) } catch { return finish(.link(error)) }
        pump()
    }

    func pauseReading() {
        isPaused = true
        stream.pauseReading()
    }

    func resumeReading() {
        isPaused = false
        readIfFree()
    }

    private func readIfFree() {
        if end == nil, !isPaused, backlog.isEmpty { stream.startReading() }
    }

    func close() { finish(.closedHere) }

    private var now: Link.Instant { Link.Instant(milliseconds: stream.loop.now.milliseconds) }

    private func received(_ bytes: [UInt8]) {
        guard end == nil else { return }
        if let hintBytes { return received(hint: hintBytes + bytes) }
        do throws(LinkError) {
            try session.receive(bytes, now: now, into: &backlog)
        } catch {
            failure = error
        }
        work()
    }

    /// What this connection has used of its share in one turn of the loop, however many reads that turn brought.
    private struct TurnUse {
        let turn: UInt64
        var messages = 0
        var signatures: UInt64 = 0
        var nanoseconds: UInt64 = 0

        var isUsedUp: Bool {
            messages >= TransportLimits.messagesPerTurn || signatures >= TransportLimits.signaturesPerTurn
                || nanoseconds >= TransportLimits.nanosecondsPerTurn
        }
    }

    /// Handles what came, as much as one turn of the loop may take. Nothing is read while something waits.
    func work() {
        guard !isChecking else { return }
        if use.turn != stream.loop.turn { use = TurnUse(turn: stream.loop.turn) }
        while end == nil, handled < backlog.count {
            guard !use.isUsedUp else {
                stream.pauseReading()
                onBacklog?()
                return
            }
            let (began, before) = (clock(), signaturesComputed())
            let waitsForCheck = handled >= checked && beginsCheck()
            if !waitsForCheck {
                let output = backlog[handled]
                handled += 1
                use.messages += 1
                onOutput?(output)
            }
            use.signatures += signaturesComputed() - before
            use.nanoseconds += clock().nanoseconds(since: began)
            if waitsForCheck {
                stream.pauseReading()
                return
            }
        }
        backlog = []
        (handled, checked) = (0, 0)
        guard end == nil else { return }
        readIfFree()
        switch failure {
        case nil: pump()
        case .otherNetworkOrWireVersion? where isInitiator:
            // A few ticks end this where no answer comes.
            hintBytes = []
            stream.write(NetworkHint(network: network).frame)
        case .otherNetwork?:
            stream.write(NetworkHint(network: network).frame)
            if let failure { finish(.link(failure)) }
        case let failure?: finish(.link(failure))
        }
    }

    /// Gives the next messages to be checked ahead. Nothing of this peer is handled meanwhile, so their order stays.
    private func beginsCheck() -> Bool {
        guard let onCheck, let link else { return false }
        var messages: [[UInt8]] = []
        var byteCount = 0
        for output in backlog[handled...].prefix(TransportLimits.messagesPerCheck) {
            guard case .control(let bytes) = output else { break }
            byteCount += bytes.count
            guard messages.isEmpty || byteCount <= TransportLimits.bytesPerCheck else { break }
            messages.append(bytes)
        }
        guard !messages.isEmpty else { return false }
        checked = handled + messages.count
        isChecking = onCheck(messages, link) { [weak self] in
            self?.isChecking = false
            self?.work()
        }
        return isChecking
    }

    /// The other side's word for its network, for the log and `status` alone.
    private func received(hint bytes: [UInt8]) {
        let (isOpen, hint) = NetworkHint.read(bytes)
        if isOpen {
            hintBytes = bytes
        } else {
            finish(.link(hint.map { .otherNetwork(theirs: $0.network, ours: network) } ?? .otherNetworkOrWireVersion))
        }
    }

    /// Seals frames while the socket takes them.
    private func pump() {
        guard end == nil, !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        do throws(LinkError) {
            while !stream.isAboveHighWater, let frame = try session.nextFrame(now: now) { stream.write(frame) }
        } catch {
            finish(.link(error))
        }
    }

    /// Closes a connection beside which another one to the same member stays. The other side is told first that it is
    /// accepted: otherwise it would take this for a refusal, again and again, and call it another genesis file.
    func closeAsSurplus() {
        pump()
        finish(.closedHere, sendingWrites: true)
    }

    private func finish(_ reason: End, sendingWrites: Bool = false) {
        guard end == nil else { return }
        end = reason
        // What was said last, of which network this side is, must get out.
        if case .link(.otherNetwork) = reason, !isInitiator { return stream.closeAfterWrites() }
        if sendingWrites { stream.closeAfterWrites() } else { stream.close() }
    }

    private func closed(_ reason: StreamCloseReason) {
        let wasWaiting = isInitiator && session.stage == .awaitingAcceptance
        if end == nil, hintBytes != nil { end = .link(.otherNetworkOrWireVersion) }
        let end = end ?? (wasWaiting ? .refusedByPeer : .stream(reason))
        self.end = end
        let onEnd = onEnd
        self.onEnd = nil
        onOutput = nil
        onBacklog = nil
        onCheck = nil
        backlog = []
        onEnd?(end)
    }
}

extension PeerConnection.End: CustomStringConvertible {
    /// One line for `status` and the log.
    var description: String {
        switch self {
        case .link(let error): error.description
        case .stream(.closedHere), .closedHere: "closed here"
        case .stream(.endOfStream): "the other side closed the connection"
        case .stream(.failed(let code)): "the connection broke: \(code)"
        case .refusedByPeer:
            "the other side refused this site: its member set does not have our link key, or it holds another genesis file"
        case .tooMuchWaiting: "the other side does not read what is sent to it"
        }
    }
}
