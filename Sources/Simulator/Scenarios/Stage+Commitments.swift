import Gossip
import Ledger

/// Commit before reveal at its edges.
extension Stage {
    /// A colluder asks every author for what it committed to, before the round is closed.
    func piecesAreAskedForEarly() -> [Scenario.Result] { attacks([.asksEarly], showing: .asksEarly) }

    /// As many colluders as the mesh bears keep their own statements back until they have read what others made, then answer
    /// it and say that the answer was there in time. An honest member is slow, so that it may close late.
    func answersAreNamedLate() -> [Scenario.Result] {
        stride(from: 0, to: nodes, by: sample).map { first in
            var result: Scenario.Result?
            for seed in 1...UInt64(8) where result?.cameAbout != true && result?.outcome.holds != false {
                let world = world(
                    options(seed: seed, heights: 6) { faults in
                        for colluder in 0..<faultBound {
                            faults.byzantine[(first + colluder) % nodes] = [.withholdsClosed, .namesLate]
                        }
                    })
                let outcome = world.run()
                result = Scenario.Result(
                    name: "colluders from \(first)", outcome: outcome, cameAbout: outcome.faults[.namesLate] > 0)
            }
            guard let result else { preconditionFailure("there is a first seed") }
            return result
        }
    }

    /// A commitment reaches no other member before the version of its height is there. Then it is heard, on a base that is young
    /// enough for late payloads; its author takes its values back, and no version lists it.
    func commitmentComesLate() -> [Scenario.Result] {
        (0..<nodes).map { author in
            let world = world(options())
            let id = world.oracles.people[author]
            let slot = Slot(author: id, base: world.genesis.version.versionDigest)
            world.filter = { from, _, bytes in
                from != author
                    || !world.oracles.scans.scan(bytes).contributions.contains { $0.body.slot == slot }
            }
            let isDecided = world.run(until: SimulatedTime(milliseconds: 60_000)) {
                world.oracles.versions[1] != nil && world.made.values.contains { $0.slot == slot }
            }
            world.filter = nil
            if isDecided, let record = record(of: slot, at: author, in: world) {
                world.spread(ForgedMessage.contribution(record), from: world.sites[world.bodies[author][0]])
            }
            let outcome = world.run()
            return Scenario.Result(
                name: "member \(author)", outcome: outcome,
                cameAbout: isDecided && world.oracles.listed[slot] == nil)
        }
    }

    private func record(of slot: Slot, at member: Int, in world: World) -> Signed<Contribution>? {
        for (kind, bytes) in world.sites[world.bodies[member][0]].disk.journal {
            if case .ownContribution(let signed) = try? JournalEntry(kind: kind, encoded: bytes),
                signed.body.slot == slot
            {
                return signed
            }
        }
        return nil
    }
}
