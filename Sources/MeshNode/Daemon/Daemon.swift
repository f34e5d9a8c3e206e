import Control
import Crypto
import EventLoop
import Gossip
import Ledger
import Link
import Logging
import Rounds
import SiteFiles
import System
import Tensor

/// One site's daemon: everything put together, on one loop.
final class Daemon {
    let loop: EventLoop
    let driver: Driver
    let transport: Transport
    let intake: Intake
    let control: ControlServer
    let membership: Membership
    private let configuration: Configuration
    private let sockets: [ControlSocket]
    private let journal: JournalWriter
    private let workers: WorkerPool
    private let database: LedgerDatabase
    private let scrubber: Scrubber
    private let logger: Logger

    /// Reads everything that is stored and checks it.
    ///
    /// - Parameter journalSink: what makes batches durable; a test puts a crash in the database's place.
    /// - Throws: `StoreError`, `KeyFileError`, `LoopError` or `DaemonError`: each says what, and where.
    init(
        _ configuration: Configuration, loop: EventLoop, logger: Logger,
        scrubMilliseconds: UInt64 = Scrubber.intervalMilliseconds,
        journalSink: (LedgerDatabase) -> any JournalSink = { $0 }
    ) throws {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        sockets = try ControlSocket.all(configuration.sockets)
        let genesis = try Daemon.genesis(configuration.mesh.genesis)
        let keys = try KeyRing(configuration.site)
        let layout = try ParameterLayout(genesis)
        let state = try StateDirectory(path: configuration.site.stateDirectory)
        let blobs = BlobStore(state: state)
        let dropped = try blobs.makeRoom(
            reserveBytes: DiskReserve.bytes(
                tensors: genesis.tensors, optimizer: genesis.rules.innerOptimizer))
        if dropped > 0 { logger.warning("the disk is short of room: dropped \(dropped) incomplete payloads") }
        database = try LedgerDatabase(path: state.database, markPath: state.mark, network: genesis.network)
        if let loss = database.loss { logger.error("\(loss)") }
        if try state.takeRecoveryRequest(database) {
            logger.notice("an operator asks for a recovery: the journal counts as lost")
        }
        let jobs = RoundJobs(
            blobs: blobs,
            parameters: ParameterStore(
                state: state, layout: layout, shape: StateShape(layout, genesis.rules.innerOptimizer)))
        let verifier = Verifier()
        var recovery = try Recovery.read(
            genesis: genesis, database: database, blobs: jobs.blobs, verifier: verifier,
            awaiting: configuration.mesh.expected)
        let chain = recovery.recovered.chain
        let baseRoots = try ParameterRecovery(
            genesis: genesis, chain: chain, database: database, jobs: jobs, model: configuration.mesh.model,
            workers: configuration.workerCount
        ).run(
            wanted: recovery.recovered.headerSync.map { $0.height > chain.height ? $0.wantedRoots : [] } ?? [],
            damages: &recovery.repaired)
        recovery.recovered.lacksParameters = baseRoots.last?.height != chain.height
        let residuals = Residuals(state: state, layout: layout)
        let residual = try Daemon.residual(recovery.residual, residuals, &recovery.repaired)
        for name in try Folder.names(in: state.incoming) { File.remove(state.incoming + "/" + name) }

        try Daemon.check(ExpectedVersion(configuration.mesh), genesis, database)
        let site = try SiteIdentity(keys, configuration.site, members: chain.members)
        if let member = chain.members[site.member] { _ = try keys.follow(member) }
        keys.eraseRetired()
        if let residue = keys.residue { logger.error("\(Membership.retiredKeyAlarm(residue))") }
        let observers = try database.observers(of: site.member)
        var random = SeededRandom.system()
        let node = Node(
            identity: NodeIdentity(
                member: site.member, nodeKey: keys.nodeKey, addresses: configuration.mesh.announce),
            timing: configuration.timing, recovered: recovery.recovered, verifier: verifier,
            reader: MessageReader(capacity: TransportLimits.messagesPerCheck), random: random.split())
        journal = try JournalWriter(loop: loop, sink: journalSink(database))
        workers = try WorkerPool(loop: loop, threads: configuration.workerCount)
        transport = try Transport(
            loop: loop,
            identity: LinkIdentity(
                network: genesis.network, member: site.member, nodeKey: keys.nodeKey, linkKey: keys.linkKey),
            peers: configuration.mesh.peers, own: configuration.mesh.announce, random: random.split())
        driver = try Driver(
            node: node, loop: loop, jobs: jobs, journal: journal, database: database, transport: transport,
            workers: workers, baseRoots: baseRoots, genesisRoots: genesis.roots,
            versionZero: configuration.mesh.model, logger: logger)
        membership = Membership(
            driver: driver, keys: keys, observers: observers, expected: ExpectedVersion(configuration.mesh),
            logger: logger)
        transport.admit = { [membership] in membership.admits($0) }
        intake = Intake(driver: driver, residuals: residuals, slots: recovery.slots, residual: residual)
        control = try ControlServer(
            loop: loop, driver: driver, intake: intake, membership: membership,
            site: SiteInformation(
                name: siteName(site.name), genesis: genesis, stateDirectory: configuration.site.stateDirectory,
                started: loop.now.milliseconds))
        scrubber = try Scrubber(driver: driver, milliseconds: scrubMilliseconds)
        for damage in recovery.repaired { driver.report(damage) }
        logger.info(
            "\(site.name) of network \(genesis.network.short) at version \(chain.height)  \(chain.headDigest.short)")
        if let awaited = configuration.mesh.expected, recovery.recovered.headerSync?.lacksAwaited ?? false {
            logger.notice("takes nothing from a chain before it shows version \(awaited.short), which it was told of")
        }
        if !site.isMember { logger.notice("\(site.name) is no member: it follows the chain and signs nothing") }
    }

    /// Opens the sockets and begins.
    func start() throws(LoopError) {
        membership.onForeignChain = { [weak self] in self?.refuseChain($0) }
        driver.onNotice = { [weak self] notice in
            self?.membership.noticed(notice)
            self?.intake.noticed(notice)
            self?.control.noticed(notice)
        }
        driver.start()
        intake.start()
        var listen: [SocketAddress] = []
        for text in configuration.mesh.listen { listen.append(try SocketAddress(parsing: text)) }
        try transport.start(listen: listen)
        try control.start(sockets)
        scrubber.start()
        for address in transport.listenAddresses { logger.info("listens on \(address)") }
    }

    /// Ends in order: nothing is begun any more, a commit that runs is finished. Whatever a worker computes is lost
    /// and computed again; `completion` does not wait for it.
    func stop(completion: @escaping () -> Void) {
        driver.stop()
        scrubber.stop()
        control.close()
        transport.close()
        journal.shutdown { [database, driver] in
            database.close()
            driver.jobs.blobs.state.unlock()
            completion()
        }
    }

    /// Whoever gave this chain holds keys that members have retired: nothing more is taken from it, nothing signed.
    private func refuseChain(_ why: String) {
        logger.critical(
            "\(why). Nothing more is taken from it: remove the state directory and ask who invited this site")
        driver.stop()
        transport.close()
    }

    private static func check(
        _ expected: ExpectedVersion?, _ genesis: Genesis, _ database: LedgerDatabase
    ) throws {
        guard let expected else { return }
        let found =
            expected.height == .genesis
            ? genesis.version.versionDigest
            : try (database.version(at: expected.height) ?? database.syncedHeader(at: expected.height))?.version
                .versionDigest
        guard let found, found != expected.version else { return }
        throw DaemonError(Membership.foreign(expected, found: found))
    }

    private static func genesis(_ path: String) throws -> Genesis {
        let bytes = try File.contents(of: path, limitBytes: Limits.genesisFileBytes)
        let file: GenesisFile
        do {
            file = try GenesisFile(encoded: bytes)
        } catch {
            throw DaemonError("\(path): is not a genesis file: \(error)")
        }
        guard file.isComplete else {
            let signed = Set(file.signers.map(\.id))
            let missing = file.genesis.members.members.filter { !signed.contains($0.id) }.map(\.name)
            throw DaemonError("\(path): lacks the valid signatures of \(missing.joined(separator: " "))")
        }
        return file.genesis
    }

    /// A residual that is damaged is named and begun anew: it holds only what this site has not sent yet.
    private static func residual(
        _ name: String?, _ residuals: Residuals, _ damages: inout [StoreError]
    ) throws(FileError) -> String? {
        do throws(FileError) { _ = try residuals.open(name) } catch {
            damages.append(.file(error))
            try residuals.retain(nil)
            return nil
        }
        try residuals.retain(name)
        return name
    }
}
