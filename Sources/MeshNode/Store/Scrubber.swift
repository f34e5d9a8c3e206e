import EventLoop
import Ledger

/// Reads one stored file after the other in the background, a file at a time, and tells what is damaged.
final class Scrubber {
    private let timer: LoopTimer
    private let keeper: Keeper
    private let milliseconds: UInt64
    private var queue: [Item] = []

    static let intervalMilliseconds: UInt64 = 60_000

    private enum Item: Sendable {
        case database
        case parameters(String)
        case residual(String)
        case blob(ContributionDigest)
    }

    init(keeper: Keeper, milliseconds: UInt64 = Scrubber.intervalMilliseconds) throws(LoopError) {
        self.keeper = keeper
        self.milliseconds = milliseconds
        timer = try LoopTimer(loop: keeper.loop)
    }

    func start() {
        timer.start(afterMilliseconds: milliseconds) { [weak self] in self?.turn() }
    }

    func stop() { timer.close() }

    private func turn() {
        if queue.isEmpty { queue = items().reversed() }
        guard let item = queue.popLast() else { return start() }
        let (jobs, database) = (keeper.jobs, keeper.database)
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
                self.keeper.report(error)
                if case .blob(let digest) = item { self.keeper.recheck(digest) }
            }
            if !self.timer.isClosing { self.start() }
        }
        // The database has one connection: its turn comes on the journal's thread.
        if case .database = item {
            keeper.journal.read(check, completion: completion)
        } else {
            keeper.workers.submit(check, completion: completion)
        }
    }

    private func items() -> [Item] {
        let state = keeper.jobs.blobs.state
        var items: [Item] = [.database]
        items += ((try? DiskFile.names(in: state.params)) ?? []).filter { $0.hasSuffix(".f32") }.map { .parameters($0) }
        items += ((try? DiskFile.names(in: state.residuals)) ?? []).filter { !$0.contains(".") }.map { .residual($0) }
        items += ((try? keeper.jobs.blobs.digests()) ?? []).filter { keeper.jobs.blobs.isComplete($0) }
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
                try jobs.parameters.verify(root)
            case .residual(let name): _ = try Residuals(state: state, layout: jobs.layout).open(name)
            case .blob(let digest): try jobs.blobs.verify(digest)
            }
        } catch {
            // A file that went while it was read was not needed any more.
            if case .system(let file, "open", _) = error, !DiskFile.exists(file) { return }
            throw error
        }
    }
}
