import Crypto
import Gossip
import Ledger

/// How far a process has replayed without what is excluded, and what it replays towards.
struct SimulatedReplay {
    var exclusions: Digest
    var parent: VersionDigest
    /// The last version that is made anew; nil before the first step.
    var height: Height?
}

extension RoundWork {
    /// The roots of the history through the head of `chain` without what it excludes.
    ///
    /// - Parameter versions: of the chain, from version 1 on.
    func replayed(_ chain: Chain, _ versions: [CertifiedVersion], genesis: StateRoots) -> StateRoots {
        guard let first = chain.governance.replayFrom else { return chain.head.roots }
        var roots = versions.last { $0.height < first }?.version.roots ?? genesis
        for certified in versions where certified.height >= first && certified.height <= chain.height {
            roots = self.roots(parent: roots, manifest: chain.entriesToReplay(of: certified))
        }
        return roots
    }
}

/// A site's replay in the background: as long as its averagings take, gone on with while the process lives.
extension Cluster {
    func beginReplay(_ site: Site, _ process: Process, _ chain: Chain) {
        guard let first = chain.governance.replayFrom else {
            return checkers.report(.wrongJob, "member \(site.member) replays although no revert is pending")
        }
        let exclusions = chain.governance.exclusionsDigest
        var replay = process.replay ?? SimulatedReplay(exclusions: exclusions, parent: chain.headDigest)
        if replay.exclusions != exclusions { replay.height = nil }
        replay.exclusions = exclusions
        replay.parent = chain.headDigest
        process.replay = replay
        var due = now
        for _ in (replay.height?.value ?? first.value - 1)..<max(chain.height.value, first.value) {
            due = due + machineRandom.draw(faults.averagingMinimum...faults.averagingMaximum)
        }
        queue.push(.replay(site: site.index, life: site.life, chain), at: due)
    }

    func replay(_ site: Site, _ chain: Chain) {
        let exclusions = chain.governance.exclusionsDigest
        guard let process = site.process, process.replay?.parent == chain.headDigest,
            process.replay?.exclusions == exclusions
        else { return }
        guard !machineFails(site) else {
            return turn(site, .replayed(parent: chain.headDigest, exclusions: exclusions, nil))
        }
        process.replay?.height = chain.height
        let roots = altered(work.replayed(chain, site.disk.adopted, genesis: genesis.roots), from: site)
        process.candidates.insert(roots.name)
        site.disk.parameters[roots.name] = Cluster.wholeParameters
        turn(site, .replayed(parent: chain.headDigest, exclusions: exclusions, roots))
    }
}
