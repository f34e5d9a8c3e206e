import Crypto
import EventLoop
import Gossip
import Ledger
import Link

/// What the transport tells the driver.
enum TransportEvent {
    case linkUp(LinkID, MemberID)
    case linkDown(LinkID)
    case message(LinkID, [UInt8])
    case piece(LinkID, PieceName, proof: [Digest], bytes: [UInt8])
}

/// The links of this node: listens, dials, shakes hands, keeps one link a member.
final class Transport {
    var onEvent: ((TransportEvent) -> Void)?
    /// Something that a person may want to read: what, and with whom.
    var onRemark: ((String) -> Void)?

    private let loop: EventLoop
    private var identity: LinkIdentity
    /// With the keys that a rotation would give this site: whoever refuses it may know them already.
    var nextIdentity: LinkIdentity?
    /// Who may have a link now.
    var admit: (LinkPublicKey) -> LinkPeer? = { _ in nil }
    private var random: SeededRandom
    private var dialer: Dialer
    private var gate = HandshakeGate()
    private var names = HostAddresses()
    /// What is left to try of the dials whose handshake is under way, by connection.
    private var attempts: [ObjectIdentifier: DialAttempt] = [:]
    /// Resolves a host name; a test puts its own name service here.
    var lookUp: (String, UInt16, NameLookup.Origin, @escaping (Result<[SocketAddress], LoopError>) -> Void) -> Void
    private var listeners: [TCPListener] = []
    private let timer: LoopTimer
    private let backlogTimer: LoopTimer
    /// Connections of which more came than one turn may handle, in the order in which that was found.
    private var backlogged: [PeerConnection] = []
    /// How many signatures the node has computed: what handling a message costs.
    var signaturesComputed: () -> UInt64 = { 0 }
    /// See `PeerConnection.clock`.
    var clock: () -> MonotonicInstant = MonotonicInstant.now
    /// See `PeerConnection.onCheck`.
    var onCheck: (([[UInt8]], LinkID, @escaping () -> Void) -> Bool)?
    /// Connections by object: all, of which `links` are established.
    private var connections: [ObjectIdentifier: PeerConnection] = [:]
    private var links: [LinkID: PeerConnection] = [:]
    private var linkOfMember: [MemberID: LinkID] = [:]
    private var nextLink: UInt64 = 1
    private var nextConnection: UInt64 = 1
    private var heldInAll = 0
    /// Of `TransportLimits`; a test takes less.
    var receiveBytesMaximum = TransportLimits.receiveBytesInAll
    var acceptedHandshakesMaximum = TransportLimits.acceptedHandshakesMaximum
    private var isClosed = false
    /// Bytes of links that are gone, by member.
    private var pastBytes: [MemberID: (received: UInt64, sent: UInt64, receivedPieces: UInt64)] = [:]
    /// Accepted connections that came to nothing.
    private(set) var refusedConnections = RefusedConnections()

    init(
        loop: EventLoop, identity: LinkIdentity, peers: [String], own: [String], random: SeededRandom
    ) throws(LoopError) {
        self.loop = loop
        self.identity = identity
        var random = random
        dialer = Dialer(configured: peers.filter { !own.contains($0) }, random: random.split())
        self.random = random
        lookUp = { NameLookup.start(loop: loop, host: $0, port: $1, origin: $2, completion: $3) }
        timer = try LoopTimer(loop: loop)
        backlogTimer = try LoopTimer(loop: loop)
    }

    /// Listens on each address and begins to dial.
    func start(listen: [SocketAddress]) throws(LoopError) {
        for address in listen {
            listeners.append(
                try TCPListener(loop: loop, address: address) { [weak self] in self?.accepted($0) })
        }
        timer.start(everyMilliseconds: TransportLimits.tickMilliseconds) { [weak self] in self?.tick() }
        dial()
    }

    /// The addresses that it really listens on.
    var listenAddresses: [SocketAddress] { listeners.compactMap(\.localAddress) }

    /// Closes everything; no event comes any more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        onEvent = nil
        timer.close()
        backlogTimer.close()
        for listener in listeners { listener.close() }
        for connection in connections.values { connection.close() }
    }

    // MARK: What the driver asks for

    func send(_ bytes: [UInt8], to link: LinkID) { links[link]?.enqueue(control: bytes) }

    /// Whether so many bytes of pieces may be read from disk for this link; if so they count until `sendPiece`.
    func reservePiece(_ byteCount: Int, for link: LinkID) -> Bool {
        guard let connection = links[link],
            connection.waitingPieceBytes + byteCount <= TransportLimits.pieceBytesPerPeer
        else { return false }
        connection.readingBytes += byteCount
        return true
    }

    /// Sends a piece that was reserved; nil gives the reservation back.
    func sendPiece(
        _ name: PieceName, _ piece: (bytes: [UInt8], proof: [Digest])?, reserved byteCount: Int, to link: LinkID
    ) {
        guard let connection = links[link] else { return }
        connection.readingBytes -= byteCount
        if let piece { connection.enqueue(piece: name, proof: piece.proof, bytes: piece.bytes) }
    }

    /// The bytes of a received piece are gone from memory.
    func release(_ byteCount: Int, from link: LinkID) {
        // A link that is gone took its bytes out of the sum already.
        guard let connection = links[link] else { return }
        connection.heldBytes -= byteCount
        releaseInAll(byteCount)
        if isBelowLimits(connection) { connection.resumeReading() }
    }

    /// Links that waited for room in all are read on once there is some.
    private func releaseInAll(_ byteCount: Int) {
        let wasFull = heldInAll >= receiveBytesMaximum
        heldInAll -= byteCount
        guard wasFull, heldInAll < receiveBytesMaximum else { return }
        for link in links.keys.sorted() {
            if let connection = links[link], isBelowLimits(connection) { connection.resumeReading() }
        }
    }

    func close(_ link: LinkID) { links[link]?.close() }

    func link(to member: MemberID) -> LinkID? { linkOfMember[member] }

    func setAddresses(_ addresses: [String], of member: MemberID) {
        dialer.set(addresses, of: member, now: now)
        dial()
    }

    // MARK: As members change

    /// Closes the links of whoever may have none any more, and forgets where to dial them.
    func retain(_ mayHaveLink: (MemberID) -> Bool) {
        dialer.retain(mayHaveLink)
        names.retain(Set(dialer.targets.values.compactMap { SocketAddress.split($0.address)?.host }))
        for link in links.keys.sorted() {
            if let member = links[link]?.member, !mayHaveLink(member) { links[link]?.close() }
        }
    }

    /// From now on connections begin with these keys; links that stand go on.
    func use(_ identity: LinkIdentity) {
        self.identity = identity
        nextIdentity = nil
    }

    /// Whoever refused this site before may take it now: tries all addresses again at once.
    func dialAgain() {
        dialer.dialAgain()
        dial()
    }

    // MARK: What people ask for

    struct PeerView {
        var addresses: [String]
        var isLinked: Bool
        var isConnecting: Bool
        var error: String?
        /// When the last dial to it failed.
        var errorAt: Link.Instant?
        var roundTripMilliseconds: UInt64?
        var receivedBytes: UInt64
        var sentBytes: UInt64
        /// What pieces and blocks took of the received bytes.
        var receivedPieceBytes: UInt64
    }

    func view(of member: MemberID) -> PeerView {
        let connection = linkOfMember[member].flatMap { links[$0] }
        let past = pastBytes[member] ?? (0, 0, 0)
        return PeerView(
            addresses: dialer.addresses(of: member), isLinked: connection != nil,
            isConnecting: dialer.isDialling(member),
            error: connection == nil ? dialer.error(of: member) : nil,
            errorAt: connection == nil ? dialer.failedTarget(of: member)?.lastErrorAt : nil,
            roundTripMilliseconds: connection?.session.roundTripMilliseconds,
            receivedBytes: past.received + (connection?.receivedBytes ?? 0),
            sentBytes: past.sent + (connection?.sentBytes ?? 0),
            receivedPieceBytes: past.receivedPieces + (connection?.receivedPieceBytes ?? 0))
    }

    /// All addresses with what is known of them, ascending.
    var targets: [Dialer.Target] {
        dialer.targets.values.sorted { $0.source < $1.source }.map { target in
            // Of two sites that dialled each other at once, one saw its connection closed: no error while they talk.
            guard let member = target.member, linkOfMember[member] != nil else { return target }
            var target = target
            target.lastError = nil
            return target
        }
    }

    func isDialling(_ target: Dialer.Target) -> Bool { dialer.dialling.contains(target.source) }

    /// Bytes of all links since the start.
    var totalBytes: (received: UInt64, sent: UInt64) {
        var total: (received: UInt64, sent: UInt64) = (0, 0)
        for past in pastBytes.values { total = (total.received + past.received, total.sent + past.sent) }
        for link in links.values {
            total = (total.received + link.receivedBytes, total.sent + link.sentBytes)
        }
        return total
    }

    // MARK: Connections

    private var now: Link.Instant { Link.Instant(milliseconds: loop.now.milliseconds) }

    private func tick() {
        for connection in connections.values { connection.tick() }
        dial()
    }

    private func dial() {
        guard !isClosed else { return }
        for target in dialer.due(now: now, isLinked: { linkOfMember[$0] != nil }) { dial(target) }
    }

    private func dial(_ target: Dialer.Target) {
        if let address = try? SocketAddress(parsing: target.address) {
            return connect(DialAttempt(target, addresses: [address]))
        }
        guard let (host, port) = SocketAddress.split(target.address) else {
            return dialer.failed(target.source, "is not host:port", now: now)
        }
        lookUp(host, port, target.isConfigured ? .configured : .announced) { [weak self] result in
            guard let self, !self.isClosed else { return }
            switch result {
            case .success(let addresses):
                self.names.learned(addresses, of: host)
                self.connect(DialAttempt(target, addresses: self.names.nextAddresses(of: host, port: port)))
            case .failure(let error):
                // An address that was right a while ago is better than none.
                let known = self.names.nextAddresses(of: host, port: port)
                self.connect(DialAttempt(target, addresses: known, errors: ["\(error)"]))
            }
        }
    }

    /// Tries the next address of a dial; the dial has failed once none is left.
    private func connect(_ attempt: DialAttempt) {
        var attempt = attempt
        guard let address = attempt.next() else {
            if attempt.leadsHereOnly { return dialer.isOwn(attempt.target.source) }
            return dialer.failed(attempt.target.source, attempt.error, isRefused: attempt.isRefused, now: now)
        }
        do throws(LoopError) {
            try TCPConnection.connect(
                loop: loop, to: address, timeoutMilliseconds: TransportLimits.dialTimeoutMilliseconds
            ) { [weak self] result in
                guard let self, !self.isClosed else { return }
                switch result {
                case .success(let stream): self.begin(stream, .initiator, attempt)
                case .failure(let error): self.goOn(attempt, after: Transport.describe(error))
                }
            }
        } catch {
            goOn(attempt, after: Transport.describe(error))
        }
    }

    private func goOn(_ attempt: DialAttempt, after error: String) {
        var attempt = attempt
        attempt.failed(error)
        connect(attempt)
    }

    private static func describe(_ error: LoopError) -> String {
        switch error {
        case .connect(_, let code): "unreachable: \(code)"
        case .connectTimedOut(_, let milliseconds): "unreachable: no answer within \(milliseconds) ms"
        default: "\(error)"
        }
    }

    private func accepted(_ stream: TCPConnection) {
        guard !isClosed, let remote = stream.peerAddress, gate.admits(remote.hostBytes, now: now) else {
            return stream.close()
        }
        let handshakes = acceptedHandshakes
        // Strangers that say nothing must not keep a member out. A member is done in a few round trips, so the place
        // that is longest taken is most likely not a member's.
        if handshakes.count >= acceptedHandshakesMaximum { handshakes.min { $0.begun < $1.begun }?.close() }
        begin(stream, .responder, nil)
    }

    /// What strangers may fill: dials have a limit of their own, so that nobody outside keeps this site from dialling.
    var acceptedHandshakes: [PeerConnection] {
        connections.values.filter { !$0.isInitiator && $0.link == nil && !$0.isEnding }
    }

    private func begin(_ stream: TCPConnection, _ role: NoiseHandshake.Role, _ attempt: DialAttempt?) {
        let target = attempt?.target
        let identity = target?.usesNextKeys == true ? nextIdentity ?? self.identity : self.identity
        let session = LinkSession(
            role: role, identity: identity, expected: target?.expected, admit: admit, random: &random, now: now)
        let connection = PeerConnection(
            stream: stream, session: session, network: identity.network,
            remote: target?.address ?? stream.peerAddress?.description ?? "a connection that is gone",
            dialled: target?.source, begun: nextConnection)
        nextConnection += 1
        connections[ObjectIdentifier(connection)] = connection
        attempts[ObjectIdentifier(connection)] = attempt
        connection.onOutput = { [weak self, unowned connection] in self?.received($0, connection) }
        connection.onEnd = { [weak self, unowned connection] in self?.ended(connection, $0) }
        connection.signaturesComputed = { [weak self] in self?.signaturesComputed() ?? 0 }
        connection.clock = { [weak self] in self?.clock() ?? .now() }
        connection.onCheck = { [weak self] in self?.onCheck?($0, $1, $2) ?? false }
        connection.onBacklog = { [weak self, unowned connection] in self?.backlog(of: connection) }
        connection.start()
    }

    /// The next turn of the loop goes on with it. Each connection that waits has its share of every turn.
    private func backlog(of connection: PeerConnection) {
        guard !isClosed else { return }
        backlogged.append(connection)
        guard backlogged.count == 1 else { return }
        // Not 0: libuv runs a timer that its own callback arms for now in the same turn, before anything else has its
        // own.
        backlogTimer.start(afterMilliseconds: 1) { [weak self] in
            guard let self else { return }
            let waiting = self.backlogged
            self.backlogged = []
            for connection in waiting where !connection.isEnding { connection.work() }
        }
    }

    private func received(_ output: LinkOutput, _ connection: PeerConnection) {
        switch output {
        case .established(let member): established(connection, member)
        case .control(let bytes):
            if let link = connection.link { onEvent?(.message(link, bytes)) }
        case .piece(let name, let proof, let bytes):
            guard let link = connection.link else { return }
            connection.heldBytes += bytes.count
            connection.receivedPieceBytes += UInt64(
                PieceName.linkBytes(proofDigests: proof.count, byteCount: bytes.count))
            heldInAll += bytes.count
            if !isBelowLimits(connection) { connection.pauseReading() }
            onEvent?(.piece(link, name, proof: proof, bytes: bytes))
        }
    }

    private func isBelowLimits(_ connection: PeerConnection) -> Bool {
        connection.heldBytes < TransportLimits.receiveBytesPerPeer && heldInAll < receiveBytesMaximum
    }

    /// One link a member. Where both sides dialled, the connection that the lower member id dialled stays: both sides
    /// judge alike. Of two that one side dialled, the newer stays: the older's other end is most likely gone.
    private func established(_ connection: PeerConnection, _ member: MemberID) {
        connection.member = member
        if let attempt = attempts.removeValue(forKey: ObjectIdentifier(connection)) {
            dialer.succeeded(attempt.target.source, member)
            if let address = attempt.current { names.succeeded(address, of: attempt.target.address) }
        }
        if let old = linkOfMember[member], let standing = links[old] {
            let preferred = connection.isInitiator == (identity.member < member)
            if standing.isInitiator != connection.isInitiator && !preferred {
                connection.closeAsSurplus()
                return
            }
            drop(old)
            standing.close()
        }
        let link = LinkID(nextLink)
        nextLink += 1
        connection.link = link
        links[link] = connection
        linkOfMember[member] = link
        onRemark?("link to \(member.short) at \(connection.remote) is up")
        onEvent?(.linkUp(link, member))
    }

    /// Forgets an established link and tells the driver.
    private func drop(_ link: LinkID) {
        guard let connection = links.removeValue(forKey: link), let member = connection.member else { return }
        if linkOfMember[member] == link { linkOfMember[member] = nil }
        releaseInAll(connection.heldBytes)
        connection.heldBytes = 0
        connection.link = nil
        let past = pastBytes[member] ?? (0, 0, 0)
        pastBytes[member] = (
            past.received + connection.receivedBytes, past.sent + connection.sentBytes,
            past.receivedPieces + connection.receivedPieceBytes
        )
        onEvent?(.linkDown(link))
    }

    private func ended(_ connection: PeerConnection, _ end: PeerConnection.End) {
        connections[ObjectIdentifier(connection)] = nil
        let wasEstablished = connection.link != nil
        if let link = connection.link {
            drop(link)
            if let member = connection.member {
                dialer.lost(member, now: now)
                onRemark?("link to \(member.short) at \(connection.remote) is down: \(end)")
            }
        }
        guard let attempt = attempts.removeValue(forKey: ObjectIdentifier(connection)) else {
            if !connection.isInitiator, !wasEstablished, end != .closedHere {
                refusedConnections.note(end, from: connection.remote, now: now)
            }
            return
        }
        guard !isClosed else { return }
        if end != .link(.connectedToItself) { onRemark?("no link to \(attempt.name): \(end)") }
        failed(attempt, end)
    }

    /// A dial whose handshake failed at one address goes on at the next.
    private func failed(_ attempt: DialAttempt, _ end: PeerConnection.End) {
        var attempt = attempt
        if end == .link(.connectedToItself) {
            attempt.ledHere()
        } else {
            attempt.failed(end.description, isRefused: end == .refusedByPeer)
        }
        connect(attempt)
    }
}
