import Crypto
import Gossip
import Ledger
import System

/// What of the past stays on disk: `Rules+Retention.swift` says what, this takes the rest away.
extension Driver {
    /// After a new head: parameters that the rules no longer keep go, candidates that were not certified, journal
    /// entries of heights that are decided, and payloads that have left the window.
    func retain(_ version: Version) {
        let (rules, chain) = (node.chain.rules, node.chain)
        let head = version.height
        let oldestBefore = oldestBase
        oldestBase = chain.oldestBase
        baseRoots.append((head, version.roots.name))
        let dropped = Set(baseRoots.filter { !chain.keepsBase($0.height) }.map(\.root))
            .union(candidateRoots)
        baseRoots.removeAll { !chain.keepsBase($0.height) }
        candidateRoots = []
        let unneeded = dropped.subtracting(baseRoots.map(\.root))
        let parameters = jobs.parameters
        let database = database
        let lowest = Height(head.value - min(head.value, UInt64(rules.maxStaleness) + 2))
        journal.read(
            { () -> StoreError? in
                do throws(StoreError) {
                    for root in unneeded { parameters.remove(root) }
                    try database.pruneJournal(below: lowest)
                    return nil
                } catch {
                    return error
                }
            },
            completion: { [weak self] error in if let error { self?.report(error) } })
        if oldestBefore != oldestBase { sweepIsDue = true }
        sweepPayloads()
        countDiskUse()
    }

    /// Takes away the payloads that have left the window. Not while an export reads them, and none that this site's
    /// residual still needs.
    func sweepPayloads() {
        guard sweepIsDue, !isSweeping, !isExporting else { return }
        sweepIsDue = false
        isSweeping = true
        let (blobs, chain) = (jobs.blobs, node.chain)
        workers.submit(
            { () -> RoundJobs.Outcome<[ContributionDigest]> in
                do throws(FileError) {
                    let old = try blobs.digests().filter { digest in
                        // A sidecar that cannot be read is dealt with by whoever reads it next.
                        guard let base = try? blobs.baseHeight(digest) else { return false }
                        return !chain.keepsPayload(base: base)
                    }
                    return RoundJobs.Outcome(value: old)
                } catch {
                    return RoundJobs.Outcome(value: [], trouble: .file(error))
                }
            },
            completion: { [weak self] outcome in
                if let trouble = outcome.trouble { self?.report(trouble) }
                self?.remove(outcome.value)
            })
    }

    /// Of this site's own contributions only those that a version lists: what no version lists goes back into the
    /// residual first.
    private func remove(_ old: [ContributionDigest]) {
        guard !old.isEmpty else { return endSweep() }
        logger.debug("\(old.count) payloads have left the retention window")
        let own = old.filter { mayKeepBlob?($0) ?? false }
        let others = Set(old).subtracting(own)
        guard !own.isEmpty else { return forget(others) }
        let (blobs, database, chain) = (jobs.blobs, database, node.chain)
        journal.read(
            { () -> [ContributionDigest] in
                own.filter { digest in
                    guard let base = try? blobs.baseHeight(digest),
                        let versions = try? database.versions(in: base.next...chain.lastListing(of: base))
                    else { return false }
                    return versions.contains { $0.version.manifest.contains { $0.contribution == digest } }
                }
            },
            completion: { [weak self] listed in self?.forget(others.union(listed)) })
    }

    /// The sweep ends once they are gone: an export must not find a payload that goes while it is read.
    private func forget(_ swept: Set<ContributionDigest>) {
        let blobs = jobs.blobs
        workers.submit(
            { for digest in swept { blobs.forget(digest) } }, completion: { [weak self] in self?.endSweep() })
    }

    private func endSweep() {
        isSweeping = false
        let export = waitingExport
        waitingExport = nil
        export?()
        sweepPayloads()
    }

    /// Lets an export read payloads, until `endExport`: one at a time, and after the sweep that is under way. So a
    /// sweep that is due comes between any two exports, however fast they are asked for.
    func beginExport(_ begin: @escaping () -> Void) {
        precondition(!isExporting, "payloads are exported once at a time")
        isExporting = true
        if isSweeping { waitingExport = begin } else { begin() }
    }

    func endExport() {
        isExporting = false
        sweepPayloads()
    }
}
