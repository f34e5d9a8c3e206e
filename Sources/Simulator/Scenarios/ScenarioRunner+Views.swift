import Gossip
import Ledger

/// Views that fail, and messages that reach only some.
extension ScenarioRunner {
    /// All votes to finalize height 1 reach one member alone, which tells nobody until healing: it knows the decision,
    /// and the others must come to the same.
    func votesReachOneMemberOnly() -> [Scenario.Result] {
        (0..<nodes).map { chosen in
            let cluster = cluster(options { $0.chaosMaximum = 8_000 })
            cluster.filter = { from, to, bytes in
                let isDecisive = RecordScan(bytes: bytes).certificates.contains { $0.vote.kind == .finalize }
                return !isDecisive || (to == chosen && from != chosen)
            }
            var knewAlone = false
            _ = cluster.run(until: SimulatedTime(milliseconds: 8_000)) {
                let heights = cluster.sites.map(\.disk.height.value)
                knewAlone = knewAlone || (heights[chosen] == 1 && heights.filter { $0 == 0 }.count == nodes - 1)
                return knewAlone
            }
            let outcome = cluster.run(healsAtOnce: true)
            return Scenario.Result(name: "member \(chosen)", outcome: outcome, cameAbout: knewAlone)
        }
    }

    /// What view 1 notarized is proposed again: nobody gets a vote to finalize it there.
    func firstViewFails() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let cluster = cluster(options(seed: seed))
            var isReproposed = false
            cluster.filter = { _, _, bytes in
                let scan = RecordScan(bytes: bytes)
                isReproposed = isReproposed || scan.proposals.contains { $0.body.reproposed != .none }
                return !scan.hasVotes(.finalize, height: 1, view: 1)
            }
            return Scenario.Result(name: "seed \(seed)", outcome: cluster.run(), cameAbout: isReproposed)
        }
    }

    /// A member hears nothing while three views fail, and enters the fourth at once.
    func jumpsOverSeveralViews() -> [Scenario.Result] {
        (0..<nodes).map { deaf in
            let cluster = cluster(options { $0.chaosMaximum = 60_000 })
            var failed: UInt32 = 0
            var isReady = false
            cluster.filter = { from, to, bytes in
                let scan = RecordScan(bytes: bytes)
                for certificate in scan.certificates where certificate.vote.kind == .nullify {
                    if 3 * certificate.signatures.signatures.count > 2 * nodes {
                        failed = max(failed, certificate.vote.view.value)
                    }
                }
                isReady = isReady || !scan.ready.isEmpty
                if isReady, from == deaf || to == deaf { return false }
                return !scan.proposals.contains { $0.body.height.value == 1 && $0.body.view.value <= 3 }
            }
            _ = cluster.run(until: SimulatedTime(milliseconds: 60_000)) { failed >= 3 }
            let outcome = cluster.run(healsAtOnce: true)
            return Scenario.Result(name: "member \(deaf)", outcome: outcome, cameAbout: failed >= 3)
        }
    }
}
