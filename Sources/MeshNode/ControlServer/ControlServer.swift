import Control
import EventLoop
import Gossip
import Ledger
import Link

/// The control sockets: one for a trainer, one for operators, perhaps one for auditors. Has no method that takes a file
/// or text.
///
/// A trainer runs under a user of its own, which may read nothing of the daemon's, and attaches by the group of its
/// socket. What is for operators is refused there.
final class ControlServer {
    let driver: Driver
    let intake: Intake
    let membership: Membership
    let site: SiteInformation
    private let loop: EventLoop
    private var listeners: [PipeListener] = []
    private var connections: [ObjectIdentifier: ControlConnection] = [:]
    private var placesTimer: LoopTimer?
    private let turns: ControlTurns
    private(set) var trainer: TrainerSession?
    /// When the round on this version is closed here, if this site has not committed by then.
    private var closing: (version: VersionDigest, deadline: Link.Instant)?
    /// What a trainer told last, until one hands a contribution over. It outlives the trainer, which may have ended.
    var trainerTrouble: TrainerTrouble?
    var isStopping = false

    init(
        loop: EventLoop, driver: Driver, intake: Intake, membership: Membership, site: SiteInformation
    ) throws(LoopError) {
        self.loop = loop
        turns = try ControlTurns(loop: loop)
        self.driver = driver
        self.intake = intake
        self.membership = membership
        self.site = site
    }

    func start(_ sockets: [ControlSocket]) throws(LoopError) {
        for socket in sockets {
            listeners.append(
                try PipeListener(loop: loop, path: socket.path, access: socket.access) { [weak self] stream in
                    self?.accepted(stream, socket.role)
                })
        }
        let timer = try LoopTimer(loop: loop)
        timer.start(everyMilliseconds: ControlPlaces.tickMilliseconds) { [weak self] in self?.closeSilent() }
        placesTimer = timer
    }

    func close() {
        isStopping = true
        for listener in listeners { listener.close() }
        placesTimer?.close()
        turns.close()
        for connection in connections.values { connection.close() }
    }

    /// To be told of every notice.
    func noticed(_ notice: Notice) {
        switch notice {
        case .adopted(let certified, _): trainer?.adopted(certified.version)
        case .synchronised(let version): trainer?.adopted(version)
        case .roundCloses(_, let deadline):
            closing = (driver.node.chain.headDigest, deadline)
            tellOfClosing()
        default: break
        }
    }

    private func tellOfClosing() {
        guard let (version, deadline) = closing, version == driver.node.chain.headDigest else { return }
        trainer?.closes(version, at: deadline)
    }

    /// How many clients are being sent tensor frames of this kind.
    func count(sending kind: TensorFrameKind) -> Int { connections.values.count { $0.outgoing == kind } }

    /// How many clients a socket has.
    func count(of role: ControlRole) -> Int { connections.values.count { $0.role == role } }

    private func accepted(_ stream: PipeConnection, _ role: ControlRole) {
        guard makePlace(role) else { return stream.close() }
        let connection = ControlConnection(stream: stream, role: role, turns: turns)
        let key = ObjectIdentifier(connection)
        connections[key] = connection
        connection.onRequest = { [weak self, unowned connection] in self?.received($0, connection) }
        connection.onTensor = { [weak self, unowned connection] frame in
            guard let self, let trainer = self.trainer, trainer.connection === connection else { return }
            trainer.received(frame)
        }
        connection.onClosed = { [weak self, unowned connection] in
            guard let self else { return }
            self.connections[key] = nil
            if let trainer = self.trainer, trainer.connection === connection {
                trainer.closed()
                self.trainer = nil
                self.driver.logger.info("the trainer is gone")
            }
        }
        connection.start()
    }

    // MARK: Places

    /// Whether the role's socket has a place for one more client. If all are taken, one of them gives up its own.
    private func makePlace(_ role: ControlRole) -> Bool {
        let now = loop.now
        guard count(of: role) >= ControlPlaces.connectionsMaximum else { return true }
        let places = connections.values.filter { $0.role == role }.map { place(of: $0, now: now) }
        guard let victim = ControlPlaces.givenUp(places) else { return false }
        connections.removeValue(forKey: victim)?.closeAtOnce()
        return true
    }

    private func closeSilent() {
        let now = loop.now
        for connection in connections.values where ControlPlaces.isOverdue(place(of: connection, now: now)) {
            connection.closeAtOnce()
        }
    }

    private func place(of connection: ControlConnection, now: MonotonicInstant) -> ControlPlaces.Place {
        ControlPlaces.Place(
            client: ObjectIdentifier(connection), isAttached: trainer?.connection === connection,
            hasRequested: connection.hasRequested, isBusy: connection.isBusy, hasUnsent: connection.hasUnsent,
            quietMilliseconds: now.nanoseconds(since: connection.lastActive) / 1_000_000,
            answered: connection.answered, process: connection.process)
    }

    private func received(_ request: ControlRequest, _ connection: ControlConnection) {
        guard !isStopping else {
            return connection.refuse(request.id, ControlRefusal(.stopping, message: "the daemon is stopping"))
        }
        switch request.call {
        case .trainerAttach(let parameters): attach(request.id, parameters, connection)
        case .trainerBase, .trainerContributeBegin, .trainerContributeCommit, .trainerContributeAbort,
            .trainerTrouble:
            guard let trainer, trainer.connection === connection else {
                return connection.refuse(
                    request.id, ControlRefusal(.notAttached, message: "trainer.attach comes first"))
            }
            trainer.received(request)
        default: answerOperator(request, connection)
        }
    }

    private func attach(_ id: Int64, _ parameters: TrainerAttach, _ connection: ControlConnection) {
        guard parameters.protocolVersion == ControlSchema.protocolVersion else {
            return connection.refuse(
                id,
                ControlRefusal(
                    .protocolVersion,
                    message: "this daemon speaks version \(ControlSchema.protocolVersion), the trainer "
                        + "\(parameters.protocolVersion)"))
        }
        if let trainer, trainer.connection !== connection {
            return connection.refuse(id, ControlRefusal(.alreadyAttached, message: "another trainer is attached"))
        }
        let session =
            trainer
            ?? TrainerSession(
                connection: connection, server: self, trainer: digest(parameters.trainerDigest))
        trainer = session
        connection.answer(id, to: TrainerAttach.self, session.welcome)
        tellOfClosing()
        driver.logger.info("a trainer is attached")
    }
}
