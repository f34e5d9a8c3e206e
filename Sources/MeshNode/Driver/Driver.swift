import Crypto
import EventLoop
import Gossip
import Ledger
import Link
import Logging
import System
import Tensor

/// Drives the core: gives it events, carries its effects out, and gives their results back. Holds no protocol state.
///
/// Everything here runs on the loop's thread; heavy jobs go to the workers, commits to the journal's thread.
final class Driver {
    let node: Node
    let loop: EventLoop
    let jobs: RoundJobs
    let journal: JournalWriter
    let database: LedgerDatabase
    let transport: Transport
    let workers: WorkerPool
    /// Threads that check signatures, beside the workers: a long job of a round must not hold messages up.
    let checkers: WorkerPool
    let logger: Logger
    let rounds: RoundMetrics

    /// Called with every notice, after the driver has dealt with it.
    var onNotice: ((Notice) -> Void)?
    /// Called when a blob may go: true where somebody still needs it and will ask for its removal later.
    var mayKeepBlob: ((ContributionDigest) -> Bool)?
    /// Set while a hand-over is under way: what is bound to the slot in the same transaction.
    var submissions: [ContributionDigest: SlotRow] = [:]
    var versionAnswers = VersionAnswers()
    var health = DiskHealth()
    /// The replay without excluded contributions; nil while none is pending.
    var replayProgress: ReplayProgress?
    /// What the last averaging took here.
    var averagingMilliseconds: UInt64?
    let genesisRoots: StateRoots
    /// Where version 0 lies, if the configuration says.
    let versionZero: String?
    var phaseMark: PhaseMark?
    var phaseBegan = Link.Instant(milliseconds: 0)

    private let timer: LoopTimer
    private let spaceTimer: LoopTimer
    var isMeasuringSpace = false
    /// Measures what is free at a path; a test says something else.
    var freeBytes: @Sendable (String) -> UInt64? = { File.freeBytes(at: $0) }
    private var events: [Event] = []
    private var isHandling = false
    private(set) var isStopped = false
    private var pieces: [PieceHandle: HeldPiece] = [:]
    private var nextHandle: UInt64 = 1
    /// Parameters on disk by height, of versions that may still be a base, and what was averaged for the next one.
    var baseRoots: [(height: Height, root: Digest)]
    var candidateRoots: Set<Digest> = []
    /// What averagings on the head found.
    var averagingFigures: [AveragingID: AveragingFigures] = [:]
    var opposition = OppositionWatch()
    let threadCount: Int
    let fileCache: ParameterFileCache
    var headerRequests = HeaderRequestQueue()
    let headerTimer: LoopTimer
    var diskUse: StateUse?
    var diskUseCounted: Link.Instant?
    var fetchingSince: UInt64 = 0
    /// The oldest version whose parameters were kept when payloads were last looked through.
    var oldestBase: Height?
    /// An export reads payloads now, or will once the sweep that is under way has ended.
    var isExporting = false
    var waitingExport: (() -> Void)?
    var isSweeping = false
    /// Payloads may have left the retention window; true at the start, for what an earlier process left.
    var sweepIsDue = true

    struct HeldPiece: Sendable {
        let link: LinkID
        let proof: [Digest]
        let bytes: [UInt8]
    }

    init(
        node: Node, loop: EventLoop, jobs: RoundJobs, journal: JournalWriter, database: LedgerDatabase,
        transport: Transport, workers: WorkerPool, baseRoots: [(height: Height, root: Digest)],
        genesisRoots: StateRoots, versionZero: String?, logger: Logger
    ) throws(LoopError) {
        self.node = node
        self.loop = loop
        self.jobs = jobs
        self.journal = journal
        self.database = database
        self.transport = transport
        self.workers = workers
        self.baseRoots = baseRoots
        self.genesisRoots = genesisRoots
        self.versionZero = versionZero
        self.logger = logger
        threadCount = workers.threadCount
        checkers = try WorkerPool(loop: loop, threads: max(1, min(4, workers.threadCount / 2)))
        fileCache = ParameterFileCache(jobs.parameters)
        rounds = RoundMetrics(began: loop.now.milliseconds)
        timer = try LoopTimer(loop: loop)
        headerTimer = try LoopTimer(loop: loop)
        spaceTimer = try LoopTimer(loop: loop)
    }

    func start() {
        journal.onPersisted = { [weak self] tickets in
            for ticket in tickets { self?.feed(.persisted(ticket)) }
        }
        journal.onFailure = { [weak self] in self?.commitsChanged($0) }
        transport.onEvent = { [weak self] in self?.received($0) }
        transport.onRemark = { [weak self] in self?.logger.info("\($0)") }
        if node.chain.governance.pendingReverts.isEmpty { clearReplay() }
        transport.onCheck = { [weak self] messages, link, completion in
            self?.checkAhead(messages, from: link, completion) ?? false
        }
        transport.signaturesComputed = { [node] in node.signaturesComputed }
        feed(.start)
        watchOpposition()
        if let free = freeBytes(jobs.blobs.state.path) { feed(.freeSpace(free)) }
        spaceTimer.start(everyMilliseconds: Driver.spaceMilliseconds) { [weak self] in self?.measureSpace() }
        countDiskUse()
    }

    /// Nothing is done any more: neither events nor their effects.
    func stop() {
        isStopped = true
        events = []
        timer.close()
        headerTimer.close()
        spaceTimer.close()
    }

    var now: Link.Instant { Link.Instant(milliseconds: loop.now.milliseconds) }

    /// Gives the core an event. What carrying out its effects causes at once comes after them, in order. Where one of
    /// them stops this driver, the rest is left undone as after a crash: nothing was sent that waited for the disk.
    func feed(_ event: Event) {
        guard !isStopped else { return }
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        var done = 0
        while done < events.count {
            var effects: [Effect] = []
            node.handle(events[done], now: now, into: &effects)
            done += 1
            for effect in effects where !isStopped { perform(effect) }
        }
        events.removeAll(keepingCapacity: true)
    }

    private func received(_ event: TransportEvent) {
        switch event {
        case .linkUp(let link, let member): feed(.linkUp(link, member))
        case .linkDown(let link):
            headerRequests.forget(link)
            feed(.linkDown(link))
        case .message(let link, let bytes): feed(.message(link, bytes))
        case .piece(let link, let name, let proof, let bytes):
            let handle = PieceHandle(nextHandle)
            nextHandle += 1
            pieces[handle] = HeldPiece(link: link, proof: proof, bytes: bytes)
            feed(.piece(link, name, byteCount: bytes.count, handle))
        }
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .send(let link, let bytes): transport.send(bytes, to: link)
        case .sendPiece(let link, let name): sendPiece(name, to: link)
        case .sendVersion(let link, let height): sendVersion(height, to: link)
        case .close(let link, let reason):
            logger.notice("link closed: \(reason)")
            transport.close(link)
        case .addresses(let member, let addresses): transport.setAddresses(addresses, of: member)
        case .setTimer(let instant):
            let nanoseconds = instant.milliseconds.multipliedReportingOverflow(by: 1_000_000)
            timer.start(at: MonotonicInstant(nanoseconds: nanoseconds.overflow ? .max : nanoseconds.partialValue)) {
                [weak self] in self?.feed(.timer)
            }
        case .persist(let ticket, let entries): persist(ticket, entries)
        case .storePiece(let contribution, let name, let handle, let link):
            storePiece(contribution, name, handle, from: link)
        case .dropPiece(let handle): _ = takePiece(handle)
        case .dropPieces(let digest): dropPieces(digest)
        case .validate(let contribution): validate(contribution)
        case .average(let id, let parent, let manifest): average(id, parent: parent, manifest: manifest)
        case .replay(let chain): replay(chain)
        case .forget(let digest): forget(digest)
        case .emit(let notice): noticed(notice)
        case .sendHeaders(let link, let from): sendHeaders(from: from, to: link)
        case .sendBlocks(let link, let root, let indexes): sendBlocks(indexes, of: root, to: link)
        case .openParameters(let root): openParameters(root)
        case .storeBlock(let name, let handle, let link):
            if let piece = takePiece(handle, releasing: false) { storeBlock(name, piece, from: link) }
        case .completeParameters(let root): completeParameters(root)
        }
    }

    private func persist(_ ticket: PersistTicket, _ entries: [JournalEntry]) {
        var batch = JournalBatch(tickets: [ticket], entries: entries)
        for case .ownContribution(let signed) in entries {
            // Without the row the slot would be bound to no residual; a core that makes one up is our mistake.
            guard let row = submissions[signed.body.contributionDigest] else {
                preconditionFailure("an own contribution that nobody handed over")
            }
            batch.submissions.append(row)
        }
        journal.append(batch)
    }

    private func storePiece(
        _ contribution: Ledger.Contribution, _ name: PieceName, _ handle: PieceHandle, from link: LinkID
    ) {
        guard let piece = takePiece(handle, releasing: false) else { return }
        let jobs = jobs
        workers.submit(
            { jobs.storePiece(contribution, name.index, piece.proof, piece.bytes) },
            completion: { [weak self] outcome in
                guard let self else { return }
                self.transport.release(piece.bytes.count, from: piece.link)
                self.settle(outcome)
                self.feed(.pieceStored(name, outcome.value, from: link))
                if outcome.value == .failed { self.measureSpace() }
            })
    }

    private func takePiece(_ handle: PieceHandle, releasing: Bool = true) -> HeldPiece? {
        guard let piece = pieces.removeValue(forKey: handle) else { return nil }
        if releasing { transport.release(piece.bytes.count, from: piece.link) }
        return piece
    }

    /// Keeps what a job met on its way for `status`, and says it once.
    func settle<Value>(_ outcome: RoundJobs.Outcome<Value>) {
        guard let trouble = outcome.trouble else {
            health.writeFailure = nil
            return
        }
        report(trouble)
    }

    func report(_ trouble: StoreError) {
        if health.note(trouble) { logger.error("\(trouble)") }
    }

    private func commitsChanged(_ failure: StoreError?) {
        health.commitFailure = failure
        if let failure {
            logger.error("the journal cannot be written, nothing is signed until it can: \(failure)")
        } else {
            logger.notice("the journal is written again")
        }
    }
}
