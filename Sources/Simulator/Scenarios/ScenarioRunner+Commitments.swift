import Gossip
import Ledger

/// Commit before reveal at its edges.
extension ScenarioRunner {
    /// A colluder asks every author for what it committed to, before the round is closed.
    func piecesAreAskedForEarly() -> [Scenario.Result] { attacks([.asksEarly], showing: .asksEarly) }

    /// As many colluders as the mesh bears keep their own statements back until they have read what others made, then
    /// answer it and say that the answer was there in time. An honest member is slow, so that it may close late.
    func answersAreNamedLate() -> [Scenario.Result] {
        stride(from: 0, to: nodes, by: sample).map { first in
            var result: Scenario.Result?
            for seed in 1...UInt64(8) where result?.cameAbout != true && result?.outcome.holds != false {
                let cluster = cluster(
                    options(seed: seed, heights: 6) { faults in
                        for colluder in 0..<faultBound {
                            faults.byzantine[(first + colluder) % nodes] = [.withholdsClosed, .namesLate]
                        }
                    })
                let outcome = cluster.run()
                result = Scenario.Result(
                    name: "colluders from \(first)", outcome: outcome, cameAbout: outcome.faults[.namesLate] > 0)
            }
            guard let result else { preconditionFailure("there is a first seed") }
            return result
        }
    }

    /// A commitment reaches no other member before the version of its height is there. Then it is heard, on a base that
    /// is young enough for late payloads; its author takes its values back, and no version lists it.
    func commitmentComesLate() -> [Scenario.Result] {
        (0..<nodes).map { author in
            let cluster = cluster(options())
            let id = cluster.checkers.people[author]
            let slot = Slot(author: id, base: cluster.genesis.version.versionDigest)
            cluster.filter = { from, _, bytes in
                from != author
                    || !cluster.checkers.scans.scan(bytes).contributions.contains { $0.body.slot == slot }
            }
            let isDecided = cluster.run(until: SimulatedTime(milliseconds: 60_000)) {
                cluster.checkers.versions[1] != nil && cluster.made.values.contains { $0.slot == slot }
            }
            cluster.filter = nil
            if isDecided, let record = record(of: slot, at: author, in: cluster) {
                cluster.spread(ForgedMessage.contribution(record), from: cluster.sites[cluster.bodies[author][0]])
            }
            let outcome = cluster.run()
            return Scenario.Result(
                name: "member \(author)", outcome: outcome,
                cameAbout: isDecided && cluster.checkers.listed[slot] == nil)
        }
    }

    private func record(of slot: Slot, at member: Int, in cluster: Cluster) -> Signed<Contribution>? {
        for (kind, bytes) in cluster.sites[cluster.bodies[member][0]].disk.journal {
            if case .ownContribution(let signed) = try? JournalEntry(kind: kind, encoded: bytes),
                signed.body.slot == slot
            {
                return signed
            }
        }
        return nil
    }
}
