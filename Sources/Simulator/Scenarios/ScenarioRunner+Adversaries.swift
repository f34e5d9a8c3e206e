import Gossip
import Ledger

/// One member that is not what it seems.
extension ScenarioRunner {
    /// Two processes with one key, each linked to some of the others.
    func twoDaemonsWithOneKey() -> [Scenario.Result] {
        (0..<nodes).map { twin in
            let cluster = cluster(options { $0.byzantine[twin] = [.twins] })
            let outcome = cluster.run()
            let bodies = cluster.sites(of: twin)
            let contradicts = Set(bodies.map { $0.batchesAsked > 0 }) == [true] && bodies.count == 2
            return Scenario.Result(name: "member \(twin)", outcome: outcome, cameAbout: contradicts)
        }
    }

    /// A member hears of what another made before all others do, and asks for it at once. It reads the payload only
    /// when the round is closed: the copy that it hands over then is too late.
    func copierIsFasterThanTheAuthor() -> [Scenario.Result] {
        (0..<nodes).map { copier in
            // Whether the author's contribution is listed at all, and the copier has all of it in time, is up to the
            // seed. One in which a promise breaks, or the copy is listed, is never passed over.
            var result = copierIsFasterThanTheAuthor(copier, seed: 1)
            for seed in 2...UInt64(3) where !result.isTried && result.result.outcome.violations.isEmpty {
                result = copierIsFasterThanTheAuthor(copier, seed: seed)
            }
            return result.result
        }
    }

    /// - Returns: `isTried`: whether there was a copy that could be listed in place of a listed original, or was.
    private func copierIsFasterThanTheAuthor(
        _ copier: Int, seed: UInt64
    ) -> (result: Scenario.Result, isTried: Bool) {
        let cluster = cluster(
            options(seed: seed) {
                $0.byzantine[copier] = [.copies]
                // What it hands over is the copy.
                $0.absentTrainers[copier] = true
            })
        let author = cluster.checkers.people[(copier + 1) % nodes]
        let slot = Slot(author: author, base: cluster.genesis.version.versionDigest)
        var announced: SimulatedTime?
        cluster.filter = { _, to, bytes in
            guard cluster.checkers.scans.scan(bytes).contributions.contains(where: { $0.body.slot == slot }) else {
                return true
            }
            let since = announced ?? cluster.now
            announced = since
            return to == copier || cluster.now > since + 100_000
        }
        var copy: Contribution?
        let isCopied = cluster.run(until: SimulatedTime(milliseconds: 60_000)) {
            if copy == nil { copy = submitCopy(of: slot, by: cluster.sites[copier], in: cluster) }
            return copy != nil
        }
        cluster.filter = nil
        let outcome = cluster.run()
        let isListed = cluster.checkers.versions.values.contains { version in
            version.manifest.contains { $0.contribution == copy?.contributionDigest }
        }
        let isTried = isCopied && cluster.checkers.listed[slot] != nil
        return (
            Scenario.Result(name: "member \(copier)", outcome: outcome, cameAbout: isTried && !isListed),
            isTried || isListed
        )
    }

    /// The same pieces under the same root, once the copier holds all of them; nil until then.
    private func submitCopy(of slot: Slot, by copier: Site, in cluster: Cluster) -> Contribution? {
        guard let process = copier.process, process.node.chain.headDigest == slot.base,
            let original = cluster.coalition.contributions[slot]?.first?.body,
            var blob = copier.disk.blobs[original.contributionDigest], blob.isComplete
        else { return nil }
        let copy = Contribution(
            network: original.network, author: copier.identity.member, base: original.base,
            baseHeight: original.baseHeight, encoding: original.encoding, payloadBytes: original.payloadBytes,
            pieceBytes: original.pieceBytes, pieceRoot: original.pieceRoot, norm: original.norm, steps: original.steps,
            tokens: original.tokens, lossCentinats: original.lossCentinats, dataSets: original.dataSets,
            trainer: original.trainer)
        blob.isSynced = true
        copier.disk.blobs[copy.contributionDigest] = blob
        cluster.counts.add(.copies)
        cluster.turn(copier, .contribute(copy))
        return copy
    }

    /// A member hands out the first pieces of its contribution and is gone: nobody waits for it.
    func sendersStopInTheMiddle() -> [Scenario.Result] {
        (0..<nodes).map { sender in
            let options = options {
                $0.deadAfterHealing[sender] = true
                $0.piecesMaximum = 64
            }
            let cluster = cluster(options)
            let before = cluster.measures.pieces
            let limit = SimulatedTime(milliseconds: 60_000)
            let hasBegun = cluster.run(until: limit) { cluster.measures.pieces > before + 3 }
            let outcome = cluster.run(healsAtOnce: true)
            return Scenario.Result(name: "member \(sender)", outcome: outcome, cameAbout: hasBegun)
        }
    }
}
