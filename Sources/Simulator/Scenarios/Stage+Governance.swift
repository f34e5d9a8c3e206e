import Crypto
import Gossip
import Ledger

/// What operators decide, and what happens to decisions that meet, expire or come back.
extension Stage {
    private var limit: SimulatedTime { SimulatedTime(milliseconds: 60_000) }
    private var everybody: [Int] { Array(0..<nodes) }

    func reaches(_ height: UInt64, in world: World) -> Bool {
        world.run(until: limit) { world.sites.contains { $0.disk.height.value >= height } }
    }

    func action(_ change: Change, sequence: UInt64, from first: UInt64, through last: UInt64 = 1_000)
        -> GovernanceAction
    {
        GovernanceAction(change: change, sequence: sequence, first: Height(first), last: Height(last))
    }

    private func rules(_ world: World, innerSteps: UInt32) -> Change {
        var rules = world.genesis.rules
        rules.innerSteps = innerSteps
        return .rules(rules)
    }

    /// Actions that versions carried, in their order.
    func carried(in world: World) -> [GovernanceAction] {
        world.oracles.history.keys.sorted().compactMap { world.oracles.history[$0]?.embedded.action?.action }
    }

    /// Two changes of the rules under one number, both complete: one is carried, the other never.
    func actionsConflict() -> [Scenario.Result] {
        (1...UInt64(4)).map { seed in
            let world = world(options(seed: seed, heights: 6))
            let changes = [UInt32(11), 12].map { action(rules(world, innerSteps: $0), sequence: 1, from: 1) }
            for change in changes { world.submit(change, by: everybody) }
            let outcome = world.run()
            let taken = carried(in: world)
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: taken.count == 1 && changes.contains(taken[0]))
        }
    }

    /// An action lacks signatures until its last height has passed. Sent again under a new number it is carried; the rest
    /// of the old one's signatures, which come late, do nothing.
    func actionIsWithdrawnAndSentAgain() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let world = world(options(seed: seed, heights: 8))
            let old = action(rules(world, innerSteps: 11), sequence: 1, from: 1, through: 2)
            world.submit(old, by: Array(everybody.prefix(nodes / 2)))
            let isOver = reaches(3, in: world)
            let new = action(rules(world, innerSteps: 11), sequence: 2, from: 1)
            world.submit(new, by: everybody)
            world.submit(old, by: everybody)
            let outcome = world.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: isOver && carried(in: world) == [new])
        }
    }

    /// The rules change, change back, and then somebody plays the first change again with all its signatures.
    func usedActionComesBack() -> [Scenario.Result] {
        (0..<nodes).map { thief in
            let world = world(options(heights: 8) { $0.byzantine[thief] = [.replaysActions] })
            let there = action(rules(world, innerSteps: 11), sequence: 1, from: 1)
            world.submit(there, by: everybody)
            var isMet = world.run(until: limit) { carried(in: world).count == 1 }
            let back = action(.rules(world.genesis.rules), sequence: 2, from: 1)
            world.submit(back, by: everybody)
            isMet = world.run(until: limit) { carried(in: world).count == 2 } && isMet
            let outcome = world.run()
            return Scenario.Result(
                name: "member \(thief)", outcome: outcome,
                cameAbout: isMet && carried(in: world) == [there, back] && outcome.faults[.replaysActions] > 0)
        }
    }

    /// Everything that the members review is vetoed by all of them: versions are empty, and the chain goes on.
    func everythingIsVetoed() -> [Scenario.Result] {
        (1...UInt64(2)).map { seed in
            let world = world(options(seed: seed, heights: 6))
            var rules = world.genesis.rules
            rules.review = .vetoWindow
            world.submit(action(.rules(rules), sequence: 1, from: 1), by: everybody)
            var vetoed: Set<Slot> = []
            _ = world.run(until: limit) {
                if world.oracles.newestRoster.rules.review == .vetoWindow {
                    for slot in world.oracles.available.keys where vetoed.insert(slot).inserted {
                        veto(slot, in: world)
                    }
                }
                return world.sites.contains { $0.disk.height.value >= 5 }
            }
            let outcome = world.run()
            let isEmpty = world.oracles.history.values.contains {
                $0.version.manifest.isEmpty && $0.version.action == nil
            }
            return Scenario.Result(name: "seed \(seed)", outcome: outcome, cameAbout: isEmpty)
        }
    }

    private func veto(_ slot: Slot, in world: World) {
        guard let contribution = world.oracles.available[slot] else { return }
        let statement = ReviewStatement(verdict: .veto, slot: slot, contribution: contribution)
        for member in everybody { world.queue.push(.review(member: member, statement), at: world.now + 1) }
    }

    /// What a view notarized is vetoed before it is finalized: the payload stays what it was, and is decided as it was.
    func vetoesComeBetweenVotes() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let world = world(options(seed: seed, heights: 7))
            var rules = world.genesis.rules
            rules.review = .vetoWindow
            world.submit(action(.rules(rules), sequence: 1, from: 1), by: everybody)
            let isInForce = world.run(until: limit) { world.oracles.newestRoster.rules.review == .vetoWindow }
            var target: UInt64 = 0
            var isVetoed = false
            world.filter = { _, _, bytes in
                let scan = RecordScan(bytes: bytes)
                let next = UInt64(world.oracles.versions.count) + 1
                if target == 0, scan.hasVotes(.notarize, height: next) { target = next }
                // Nobody hears a vote to finalize in that view, and everybody hears of the vetoes.
                return target == 0 || !scan.hasVotes(.finalize, height: target, view: 1)
            }
            _ = world.run(until: limit) {
                guard target > 0 else { return false }
                for slot in world.oracles.available.keys.sorted() where !isVetoed { veto(slot, in: world) }
                isVetoed = true
                return world.oracles.quorums[.init(kind: .notarize, height: target, view: 1)] != nil
            }
            let outcome = world.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: isInForce && isVetoed && target > 0)
        }
    }

    /// A contribution is taken out of the history while members crash: all of them come to the same replayed state.
    func replayedStateTakesOver() -> [Scenario.Result] {
        [false, true].map { isRough in
            let world = world(
                options(heights: 10) {
                    guard isRough else { return }
                    $0.crashInterval = 900
                    $0.downMaximum = 600
                    $0.lossPercent = 5
                })
            var isMet = reaches(2, in: world)
            let listed = world.oracles.versions[1]?.manifest.first?.contribution
            if let listed {
                world.submit(
                    action(.revert(.contribution(listed), from: Height(1)), sequence: 1, from: 1), by: everybody)
            }
            isMet = world.run(until: limit) { world.oracles.reverts.contains { $0.switched != nil } } && isMet
            return Scenario.Result(name: isRough ? "rough" : "quiet", outcome: world.run(), cameAbout: isMet)
        }
    }
}
