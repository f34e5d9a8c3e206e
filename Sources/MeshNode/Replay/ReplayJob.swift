import Crypto
import Gossip
import Ledger
import Rounds
import System
import Tensor

/// One step of a replay in the background, as a worker runs it: it takes no longer than one averaging, so that rounds
/// are not held up.
struct ReplayJob: Sendable {
    /// Through its head, without what it excludes.
    let chain: Chain
    /// Where the step before this one came; nil for the first.
    let mark: ReplayMark?
    let jobs: RoundJobs
    /// What the step needs of the database, which is read on the journal's thread alone: it outlives that, not the
    /// workers.
    let records: Records
    let genesis: StateRoots
    /// Where version 0 is read from, if it comes to that.
    let model: String?
    let workers: Int

    enum Result: Sendable {
        case advanced(ReplayMark)
        /// It is through; the result lies among the parameters under its name.
        case finished(ReplayMark, StateRoots)
        case failed(StoreError)
    }

    struct Records: Sendable {
        /// The version after the mark.
        var next: CertifiedVersion?
        /// Before the first step: roots of the versions that it may begin with, the newest first.
        var starts: [(height: Height, root: Digest)] = []

        init(
            _ chain: Chain, _ mark: ReplayMark?, genesis: StateRoots, _ database: LedgerDatabase
        ) throws(StoreError) {
            guard let mark else {
                guard let first = chain.governance.replayFrom else { return }
                for value in (chain.governance.replayFloor.value..<first.value).reversed() {
                    let height = Height(value)
                    let root =
                        height == .genesis
                        ? genesis.name : try Records.version(at: height, database).version.roots.name
                    starts.append((height, root))
                }
                return
            }
            if mark.height < chain.height { next = try Records.version(at: mark.height.next, database) }
        }

        private static func version(at height: Height, _ database: LedgerDatabase) throws(StoreError)
            -> CertifiedVersion
        {
            guard let certified = try database.version(at: height) else {
                throw .inconsistent(
                    file: database.path, table: "versions", row: "height \(height)", problem: "is missing")
            }
            return certified
        }
    }

    private var store: ReplayStore { ReplayStore(parameters: jobs.parameters) }
    private var exclusions: Digest { chain.governance.exclusionsDigest }

    func run() -> Result {
        do throws(StoreError) {
            guard let mark else { return .advanced(try begin()) }
            guard let next = records.next else {
                try stored(store.offer(mark))
                return .finished(mark, StateRoots(try stored(jobs.parameters.open(mark.root))))
            }
            return .advanced(try step(mark, next))
        } catch {
            return .failed(error)
        }
    }

    /// Goes on with what is on the store, or begins with the nearest kept parameters before the first version that is
    /// made anew.
    private func begin() throws(StoreError) -> ReplayMark {
        if let mark = try stored(store.resume(exclusions: exclusions, through: chain.height)) { return mark }
        guard let first = chain.governance.replayFrom else { preconditionFailure("a replay is of something pending") }
        for (height, root) in records.starts where jobs.parameters.has(root) {
            let mark = ReplayMark(exclusions: exclusions, height: height, root: root)
            try stored(store.begin(mark))
            return mark
        }
        guard chain.governance.replayFloor == .genesis, let model else {
            throw .missingParameters(
                height: first.value - 1, root: "of a version before it",
                reason: "the revert reaches back to version \(first), and no parameters from before it are kept here")
        }
        try jobs.parameters.importModel(model, expecting: genesis)
        let mark = ReplayMark(exclusions: exclusions, height: .genesis, root: genesis.name)
        try stored(store.begin(mark))
        jobs.parameters.remove(genesis.name)
        return mark
    }

    private func step(_ mark: ReplayMark, _ certified: CertifiedVersion) throws(StoreError) -> ReplayMark {
        for entry in certified.version.manifest where isNeeded(entry, of: certified) {
            guard jobs.blobs.isComplete(entry.contribution) else {
                throw .missingContribution(height: certified.height.value, contribution: entry.contribution.short)
            }
            try stored(jobs.blobs.verify(entry.contribution))
        }
        do {
            let file = try ParameterFile(
                path: store.path(mark), shape: jobs.parameters.shape, expectedName: mark.root)
            var replay = ExclusionReplay(chain: chain, from: mark.height, parameters: file, layout: jobs.layout)
            try replay.apply(
                certified, payloads: BlobPayloads(blobs: jobs.blobs), outputPath: store.next, workers: workers)
            let next = ReplayMark(
                exclusions: exclusions, height: certified.height, root: replay.roots.name)
            try store.advance(mark, to: next)
            return next
        } catch let error as FileError {
            throw damaged(.file(error), mark)
        } catch let ReplayFault.manifest(_, fault) {
            throw damaged(StoreError(fault, store.next), mark)
        } catch {
            throw .database(file: store.next, message: "\(error)")
        }
    }

    private func isNeeded(_ entry: ManifestEntry, of certified: CertifiedVersion) -> Bool {
        guard let first = chain.governance.replayFrom, certified.height >= first else { return true }
        return chain.entriesToReplay(of: certified).contains { $0.slot == entry.slot }
    }

    /// What the store holds is not what was written: the next attempt begins anew.
    private func damaged(_ error: StoreError, _ mark: ReplayMark) -> StoreError {
        if case .file(.damaged(store.path(mark), _)) = error { File.remove(store.path(mark)) }
        return error
    }
}
