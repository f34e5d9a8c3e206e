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
            let old = world.oracles.history.values.first { $0.embedded.action?.action == there }?.embedded.action
            let replay = old.map { ForgedMessage.action($0.signed) }
            var isReplayed = false
            world.tap = { from, sent in
                if case .message(let bytes) = sent, from == thief, bytes == replay { isReplayed = true }
            }
            isMet = world.run(until: limit) { isReplayed } && isMet
            // Long enough that it would be carried.
            isMet = reaches(UInt64(world.oracles.versions.count) + 3, in: world) && isMet
            let outcome = world.run()
            return Scenario.Result(
                name: "member \(thief)", outcome: outcome,
                cameAbout: isMet && carried(in: world) == [there, back])
        }
    }

    /// All operators sign an action whose window is yet to come; then as many as it takes withdraw or reject it. A member
    /// plays all signatures again, and no version carries the action.
    func closedActionComesBack() -> [Scenario.Result] {
        ProposalVerdict.allCases.map { verdict in
            let (thief, first) = (nodes - 1, UInt64(12))
            let world = world(options(heights: 16) { $0.byzantine[thief] = [.replaysActions] })
            let action = action(rules(world, innerSteps: 11), sequence: 1, from: first)
            func known(at site: Site) -> ProposalReport? {
                site.process.flatMap { process in
                    process.node.report(now: process.clock.reading(at: world.now)).proposals.first {
                        $0.signed.action == action
                    }
                }
            }
            // Once every site is up, and its operator can sign there.
            var isMet = reaches(1, in: world)
            world.submit(action, by: everybody)
            isMet =
                world.run(until: limit) {
                    world.sites.allSatisfy { known(at: $0)?.signed.operators.count == nodes }
                } && isMet
            let signed = known(at: world.sites[thief])?.signed
            let needed = world.genesis.rules.operatorsNeeded(memberCount: nodes)
            for member in 0...(nodes - needed) {
                world.queue.push(.judge(member: member, action, verdict), at: world.now + 1)
            }
            isMet = world.run(until: limit) { world.sites.allSatisfy { known(at: $0)?.isClosed ?? false } } && isMet
            let isInTime = world.oracles.versions.count < Int(first)
            for height in [first, first + 1] {
                isMet = reaches(height, in: world) && isMet
                if let signed { world.spread(ForgedMessage.action(signed), from: world.sites[thief]) }
            }
            let outcome = world.run()
            return Scenario.Result(
                name: verdict.rawValue, outcome: outcome,
                cameAbout: isMet && isInTime && signed != nil && carried(in: world).isEmpty)
        }
    }

    /// Everything that the members review is vetoed by all of them: versions are empty, and the chain goes on.
    func everythingIsVetoed() -> [Scenario.Result] {
        (1...UInt64(2)).map { seed in
            let world = world(options(seed: seed, heights: 12))
            var rules = world.genesis.rules
            rules.review = .vetoWindow
            world.submit(action(.rules(rules), sequence: 1, from: 1), by: everybody)
            // The first heights under review may still list what was committed before it began.
            var begun: UInt64?
            func isEmpty() -> Bool {
                world.oracles.history.values.contains {
                    $0.version.manifest.isEmpty && $0.version.action == nil && $0.version.height.value > begun ?? .max
                }
            }
            var vetoed: Set<Slot> = []
            _ = world.run(until: limit) {
                if world.oracles.newestRoster.rules.review == .vetoWindow {
                    begun = begun ?? UInt64(world.oracles.versions.count)
                    for slot in world.oracles.available.keys.sorted() where vetoed.insert(slot).inserted {
                        veto(slot, in: world)
                    }
                }
                return isEmpty()
            }
            let outcome = world.run()
            return Scenario.Result(name: "seed \(seed)", outcome: outcome, cameAbout: isEmpty())
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
            let target = UInt64(world.oracles.versions.count) + 2
            // Nobody hears a vote to finalize in that view, and everybody hears of the vetoes.
            var proposed: [Digest: Version] = [:]
            world.filter = { _, _, bytes in
                let scan = world.oracles.scans.scan(bytes)
                for version in scan.payloads.map(\.version) where version.height.value == target {
                    proposed[version.versionDigest.digest] = version
                }
                return !scan.hasVotes(.finalize, height: target, view: 1)
            }
            let notarization = Oracles.QuorumPlace(kind: .notarize, height: target, view: 1)
            let isNotarized = world.run(until: limit) { world.oracles.quorums[notarization] != nil }
            let notarized = world.oracles.quorums[notarization].flatMap { proposed[$0] }
            let slots = notarized?.manifest.map(\.slot) ?? []
            for slot in slots { veto(slot, in: world) }
            let areKnown = world.run(until: limit) {
                world.sites.count { isVetoed(slots, at: $0, in: world) } >= quorum
            }
            let isOpen = world.oracles.versions[target] == nil
            let isDecided = reaches(target, in: world) && world.oracles.versions[target] == notarized
            let outcome = world.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome,
                cameAbout: isInForce && isNotarized && !slots.isEmpty && areKnown && isOpen && isDecided)
        }
    }

    /// Whether a node knows of so many vetoes against each of the slots that no fresh payload may list it.
    private func isVetoed(_ slots: [Slot], at site: Site, in world: World) -> Bool {
        guard let process = site.process else { return false }
        let reviews = process.node.report(now: process.clock.reading(at: world.now)).reviews.map(\.statement)
        return slots.allSatisfy { slot in
            reviews.count { $0.slot == slot && $0.verdict == .veto } >= max(2, faultBound + 1)
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
