import Crypto
import Gossip
import Ledger
import Link
import System

extension Driver {
    /// Checks the signatures of messages on other threads, up to the first that is invalid: it may end the link.
    ///
    /// - Returns: false if there is nothing to check; `completion` is not called then.
    func checkAhead(_ messages: [[UInt8]], from link: LinkID, _ completion: @escaping () -> Void) -> Bool {
        guard !isStopped else { return false }
        let checks = messages.flatMap { node.signatureChecks(in: $0, from: link) }
        guard !checks.isEmpty else { return false }
        checkers.submit(
            {
                var results: [Bool] = []
                for check in checks where results.last ?? true { results.append(check.isValid()) }
                return results
            },
            completion: { [weak self] results in
                for (check, isValid) in zip(checks, results) { self?.node.learn(check, isValid: isValid) }
                completion()
            })
        return true
    }

    func validate(_ contribution: Ledger.Contribution) {
        let jobs = jobs
        // On a base that is gone, nobody asks for the outcome any more.
        let rules = node.chain.rules(for: contribution) ?? node.chain.rules
        workers.submit(
            { jobs.validate(contribution, rules: rules) },
            completion: { [weak self] outcome in
                self?.settle(outcome)
                if outcome.trouble != nil { self?.recheck(contribution.contributionDigest) }
                self?.feed(.validated(contribution.contributionDigest, outcome.value))
            })
    }

    func average(_ id: AveragingID, parent: Version, manifest: [ManifestEntry]) {
        let jobs = jobs
        let rules = node.chain.rules
        let members = node.chain.members.count
        let began = loop.now.milliseconds
        // One worker's thread runs the job; the job's own threads are the rest.
        let threads = max(1, threadCount - 1)
        workers.submit(
            {
                jobs.average(
                    manifest, parent: parent.roots.name, rules: rules, members: members,
                    name: "averaging-\(id.digest.short)", workers: threads)
            },
            completion: { [weak self] outcome in
                self?.settle(outcome)
                if outcome.trouble != nil { for entry in manifest { self?.recheck(entry.contribution) } }
                switch outcome.value {
                case .done(let average):
                    if let self {
                        candidateRoots.insert(average.roots.name)
                        note(average.figures, of: id, on: parent)
                        averagingMilliseconds = loop.now.milliseconds - min(loop.now.milliseconds, began)
                    }
                    self?.feed(.averaged(id, average.roots))
                case .refused(let reason): self?.feed(.averagingRefused(id, reason: reason))
                case .failed: self?.feed(.averaged(id, nil))
                }
            })
    }

    /// Reads the piece and its proof from disk and compresses it, unless too much waits for the peer already.
    func sendPiece(_ name: PieceName, to link: LinkID) {
        let byteCount = Int(node.chain.rules.pieceBytes)
        guard transport.reservePiece(byteCount, for: link) else { return }
        let jobs = jobs
        workers.submit(
            { jobs.readPiece(name) },
            completion: { [weak self] outcome in
                if let trouble = outcome.trouble {
                    self?.report(trouble)
                    self?.recheck(name.contribution)
                }
                self?.transport.sendPiece(
                    name, outcome.value.map { ($0.bytes, $0.proof) }, reserved: byteCount, to: link)
            })
    }

    func sendVersion(_ height: Height, to link: LinkID) {
        // Reads queue before the commits of the journal: a peer that asks without end would hold those up.
        guard versionAnswers.begin(link) else { return }
        let database = database
        journal.read(
            { () -> RoundJobs.Outcome<[[UInt8]]> in
                do throws(StoreError) {
                    let version = try database.version(at: height)
                    return RoundJobs.Outcome(value: version.map { Wire.messages(of: $0) } ?? [])
                } catch {
                    return RoundJobs.Outcome(value: [], trouble: error)
                }
            },
            completion: { [weak self] outcome in
                self?.versionAnswers.end(link)
                if let trouble = outcome.trouble { self?.report(trouble) }
                for message in outcome.value { self?.transport.send(message, to: link) }
            })
    }

    /// Reads a blob with which something was wrong, and lets the core fetch again what is damaged or gone. A sidecar
    /// without a sound header proves nothing: all goes.
    func recheck(_ digest: ContributionDigest) {
        let candidates = node.report(now: now).candidates
        guard let candidate = candidates.first(where: { $0.digest == digest }) else { return }
        let count = candidate.contribution.pieceCount
        let blobs = jobs.blobs
        workers.submit(
            { () -> RecheckedBlob in
                var damages: [FileError] = []
                if let pieces = blobs.verifiedPieces(digest, damages: &damages), pieces.count == count {
                    return RecheckedBlob(pieces: pieces, damages: damages)
                }
                blobs.forget(digest)
                return RecheckedBlob(pieces: [Bool](repeating: false, count: count), damages: damages)
            },
            completion: { [weak self] found in
                for damage in found.damages { self?.report(.file(damage)) }
                for (index, isSound) in found.pieces.enumerated() where !isSound {
                    self?.feed(.pieceLost(PieceName(contribution: digest, index: index)))
                }
            })
    }

    private struct RecheckedBlob: Sendable {
        let pieces: [Bool]
        let damages: [FileError]
    }

    func forget(_ digest: ContributionDigest) {
        if mayKeepBlob?(digest) ?? false { return }
        removeBlob(digest)
    }

    func removeBlob(_ digest: ContributionDigest) {
        let blobs = jobs.blobs
        workers.submit({ blobs.forget(digest) }, completion: { _ in })
    }
}
