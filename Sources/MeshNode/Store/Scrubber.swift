import EventLoop
import Ledger
import System

/// Reads one stored file after the other in the background, a file at a time, and tells what is damaged.
final class Scrubber {
    private let timer: LoopTimer
    private let driver: Driver
    private let milliseconds: UInt64
    private var queue: [Item] = []

    static let intervalMilliseconds: UInt64 = 60_000

    private enum Item: Sendable {
        case database
        case parameters(String)
        case residual(String)
        case blob(ContributionDigest)
    }

    init(driver: Driver, milliseconds: UInt64 = Scrubber.intervalMilliseconds) throws(LoopError) {
        self.driver = driver
        self.milliseconds = milliseconds
        timer = try LoopTimer(loop: driver.loop)
    }

    func start() {
        timer.start(afterMilliseconds: milliseconds) { [weak self] in self?.turn() }
    }

    func stop() { timer.close() }

    private func turn() {
        if queue.isEmpty { queue = items().reversed() }
        guard let item = queue.popLast() else { return start() }
        let (jobs, database) = (driver.jobs, driver.database)
        let check: @Sendable () -> StoreError? = {
            do throws(StoreError) {
                try Scrubber.check(item, jobs, database)
                return nil
            } catch {
                return error
            }
        }
        let completion: (StoreError?) -> Void = { [weak self] error in
            guard let self else { return }
            if let error {
                self.driver.report(error)
                if case .blob(let digest) = item { self.driver.recheck(digest) }
            }
            if !self.timer.isClosing { self.start() }
        }
        // The database has one connection: its turn comes on the journal's thread.
        if case .database = item {
            driver.journal.read(check, completion: completion)
        } else {
            driver.workers.submit(check, completion: completion)
        }
    }

    private func items() -> [Item] {
        let state = driver.jobs.blobs.state
        var items: [Item] = [.database]
        items += ((try? Folder.names(in: state.params)) ?? []).filter { $0.hasSuffix(".f32") }.map { .parameters($0) }
        items += ((try? Folder.names(in: state.residuals)) ?? []).filter { !$0.contains(".") }.map { .residual($0) }
        items += ((try? driver.jobs.blobs.digests()) ?? []).filter { driver.jobs.blobs.isComplete($0) }
            .map { .blob($0) }
        return items
    }

    private static func check(
        _ item: Item, _ jobs: RoundJobs, _ database: LedgerDatabase
    ) throws(StoreError) {
        let state = jobs.blobs.state
        do throws(StoreError) {
            switch item {
            case .database: try database.scrub()
            case .parameters(let name):
                guard let root = ParameterStore.root(of: name) else { return }
                try stored(jobs.parameters.verify(root))
            case .residual(let name): _ = try stored(Residuals(state: state, layout: jobs.layout).open(name))
            case .blob(let digest): try stored(jobs.blobs.verify(digest))
            }
        } catch {
            // A file that went while it was read was not needed any more.
            if case .file(.system(let file, "open", _)) = error, !File.exists(file) { return }
            throw error
        }
    }
}
