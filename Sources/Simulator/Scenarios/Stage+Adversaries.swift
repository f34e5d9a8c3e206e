import Gossip
import Ledger

/// One member that is not what it seems.
extension Stage {
    /// Two processes with one key, each linked to some of the others.
    func twoDaemonsWithOneKey() -> [Scenario.Result] {
        (0..<nodes).map { twin in
            let world = world(options { $0.byzantine[twin] = [.twins] })
            let outcome = world.run()
            let bodies = world.sites(of: twin)
            let contradicts = Set(bodies.map { $0.batchesAsked > 0 }) == [true] && bodies.count == 2
            return Scenario.Result(name: "member \(twin)", outcome: outcome, cameAbout: contradicts)
        }
    }

    /// A member hands over another's payload under its own name before the author's own is certified.
    func copierIsFasterThanTheAuthor() -> [Scenario.Result] {
        (0..<nodes).map { copier in
            let world = world(options { $0.byzantine[copier] = [.copies] })
            let outcome = world.run()
            let member = world.sites[copier].identity.member
            let isListed = world.oracles.versions.values.contains { version in
                version.manifest.contains { $0.slot.author == member }
            }
            return Scenario.Result(name: "member \(copier)", outcome: outcome, cameAbout: isListed)
        }
    }

    /// A member hands out the first pieces of its contribution and is gone: nobody waits for it.
    func sendersStopInTheMiddle() -> [Scenario.Result] {
        (0..<nodes).map { sender in
            let options = options {
                $0.deadAfterHealing[sender] = true
                $0.piecesMaximum = 64
            }
            let world = world(options)
            let before = world.measures.pieces
            let limit = SimulatedTime(milliseconds: 60_000)
            let hasBegun = world.run(until: limit) { world.measures.pieces > before + 3 }
            let outcome = world.run(healsAtOnce: true)
            return Scenario.Result(name: "member \(sender)", outcome: outcome, cameAbout: hasBegun)
        }
    }
}
