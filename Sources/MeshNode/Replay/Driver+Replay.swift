import Crypto
import Gossip
import Ledger
import System

/// The replay that is under way, for the driver that drives it and for `status`.
struct ReplayProgress {
    /// Through its head.
    var chain: Chain
    /// How far it has come; nil before its first step.
    var mark: ReplayMark?
    var isRunning = false
    /// Why it does not get on; nil in good times.
    var trouble: StoreError?

    /// What the replay makes anew at last: the mark of another set of exclusions counts for nothing.
    mutating func aim(at chain: Chain) {
        self.chain = chain
        if mark?.exclusions != chain.governance.exclusionsDigest { mark = nil }
        if let height = mark?.height, height > chain.height { mark = nil }
    }
}

extension Driver {
    /// The core wants the replay through the head of `chain`. A step that runs is finished first.
    func replay(_ chain: Chain) {
        if replayProgress == nil { replayProgress = ReplayProgress(chain: chain) }
        replayProgress?.aim(at: chain)
        stepReplay()
    }

    private func stepReplay() {
        guard let replayProgress, !replayProgress.isRunning, !isStopped else { return }
        self.replayProgress?.isRunning = true
        let (chain, mark, genesis, database) = (replayProgress.chain, replayProgress.mark, genesisRoots, database)
        journal.read(
            { () -> Swift.Result<ReplayJob.Records, StoreError> in
                do throws(StoreError) {
                    return .success(try ReplayJob.Records(chain, mark, genesis: genesis, database))
                } catch {
                    return .failure(error)
                }
            },
            completion: { [weak self] result in
                switch result {
                case .success(let records): self?.stepReplay(chain, mark, records)
                case .failure(let error): self?.replayStepped(chain, .failed(error))
                }
            })
    }

    private func stepReplay(_ chain: Chain, _ mark: ReplayMark?, _ records: ReplayJob.Records) {
        let job = ReplayJob(
            chain: chain, mark: mark, jobs: jobs, records: records, genesis: genesisRoots, model: versionZero,
            workers: max(1, threadCount / 2))
        workers.submit({ job.run() }, completion: { [weak self] result in self?.replayStepped(chain, result) })
    }

    private func replayStepped(_ chain: Chain, _ result: ReplayJob.Result) {
        // A worker may report after the end.
        guard !isStopped else { return }
        guard replayProgress != nil else { return clearReplay() }
        replayProgress?.isRunning = false
        let isCurrent = replayProgress?.chain.headDigest == chain.headDigest
        switch result {
        case .advanced(let mark):
            replayProgress?.trouble = nil
            if mark.exclusions == replayProgress?.chain.governance.exclusionsDigest { replayProgress?.mark = mark }
            stepReplay()
        case .finished(let mark, let roots):
            guard isCurrent else { return stepReplay() }
            candidateRoots.insert(mark.root)
            feed(
                .replayed(parent: chain.headDigest, exclusions: mark.exclusions, roots))
        case .failed(let error):
            replayProgress?.mark = nil
            replayProgress?.trouble = error
            report(error)
            guard isCurrent else { return stepReplay() }
            feed(
                .replayed(
                    parent: chain.headDigest, exclusions: chain.governance.exclusionsDigest, nil))
        }
    }

    /// With the version in which the replayed state took over the replay has served its purpose.
    func endReplayIfDone() {
        guard replayProgress != nil, node.chain.governance.pendingReverts.isEmpty else { return }
        let wasRunning = replayProgress?.isRunning ?? false
        replayProgress = nil
        if !wasRunning { clearReplay() }
    }

    /// Takes away what a replay left; nothing where none was.
    func clearReplay() {
        let store = ReplayStore(parameters: jobs.parameters)
        workers.submit(
            { () -> StoreError? in
                do throws(FileError) {
                    try store.clear()
                    return nil
                } catch {
                    return .file(error)
                }
            },
            completion: { [weak self] error in if let error { self?.report(error) } })
    }
}
