import Crypto
import Gossip
import Ledger

/// What operators decide, and what happens to decisions that meet, expire or come back.
extension ScenarioRunner {
    private var limit: SimulatedTime { SimulatedTime(milliseconds: 60_000) }
    private var everybody: [Int] { Array(0..<nodes) }

    func reaches(_ height: UInt64, in cluster: Cluster) -> Bool {
        cluster.run(until: limit) { cluster.sites.contains { $0.disk.height.value >= height } }
    }

    func action(_ change: Change, sequence: UInt64, from first: UInt64, through last: UInt64 = 1_000)
        -> GovernanceAction
    {
        GovernanceAction(change: change, sequence: sequence, first: Height(first), last: Height(last))
    }

    private func rules(_ cluster: Cluster, innerSteps: UInt32) -> Change {
        var rules = cluster.genesis.rules
        rules.innerSteps = innerSteps
        return .rules(rules)
    }

    /// Actions that versions carried, in their order.
    func carried(in cluster: Cluster) -> [GovernanceAction] {
        cluster.checkers.history.keys.sorted().compactMap { cluster.checkers.history[$0]?.embedded.action?.action }
    }

    /// Two changes of the rules under one number, both complete: one is carried, the other never.
    func actionsConflict() -> [Scenario.Result] {
        (1...UInt64(4)).map { seed in
            let cluster = cluster(options(seed: seed, heights: 6))
            let changes = [UInt32(11), 12].map { action(rules(cluster, innerSteps: $0), sequence: 1, from: 1) }
            for change in changes { cluster.submit(change, by: everybody) }
            let outcome = cluster.run()
            let taken = carried(in: cluster)
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: taken.count == 1 && changes.contains(taken[0]))
        }
    }

    /// An action lacks signatures until its last height has passed. Sent again under a new number it is carried; the
    /// rest of the old one's signatures, which come late, do nothing.
    func actionIsWithdrawnAndSentAgain() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let cluster = cluster(options(seed: seed, heights: 8))
            let old = action(rules(cluster, innerSteps: 11), sequence: 1, from: 1, through: 2)
            cluster.submit(old, by: Array(everybody.prefix(nodes / 2)))
            let isOver = reaches(3, in: cluster)
            let new = action(rules(cluster, innerSteps: 11), sequence: 2, from: 1)
            cluster.submit(new, by: everybody)
            cluster.submit(old, by: everybody)
            let outcome = cluster.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome, cameAbout: isOver && carried(in: cluster) == [new])
        }
    }

    /// The rules change, change back, and then somebody plays the first change again with all its signatures.
    func usedActionComesBack() -> [Scenario.Result] {
        (0..<nodes).map { thief in
            let cluster = cluster(options(heights: 8) { $0.byzantine[thief] = [.replaysActions] })
            let there = action(rules(cluster, innerSteps: 11), sequence: 1, from: 1)
            cluster.submit(there, by: everybody)
            var isMet = cluster.run(until: limit) { carried(in: cluster).count == 1 }
            let back = action(.rules(cluster.genesis.rules), sequence: 2, from: 1)
            cluster.submit(back, by: everybody)
            isMet = cluster.run(until: limit) { carried(in: cluster).count == 2 } && isMet
            let old = cluster.checkers.history.values.first { $0.embedded.action?.action == there }?.embedded.action
            let replay = old.map { ForgedMessage.action($0.signed) }
            var isReplayed = false
            cluster.tap = { from, sent in
                if case .message(let bytes) = sent, from == thief, bytes == replay { isReplayed = true }
            }
            isMet = cluster.run(until: limit) { isReplayed } && isMet
            // Long enough that it would be carried.
            isMet = reaches(UInt64(cluster.checkers.versions.count) + 3, in: cluster) && isMet
            let outcome = cluster.run()
            return Scenario.Result(
                name: "member \(thief)", outcome: outcome,
                cameAbout: isMet && carried(in: cluster) == [there, back])
        }
    }

    /// All operators sign an action whose window is yet to come; then as many as it takes withdraw or reject it. A
    /// member plays all signatures again, and no version carries the action.
    func closedActionComesBack() -> [Scenario.Result] {
        ProposalVerdict.allCases.map { verdict in
            let (thief, first) = (nodes - 1, UInt64(12))
            let cluster = cluster(options(heights: 16) { $0.byzantine[thief] = [.replaysActions] })
            let action = action(rules(cluster, innerSteps: 11), sequence: 1, from: first)
            func known(at site: Site) -> ProposalReport? {
                site.process.flatMap { process in
                    process.node.report(now: process.clock.reading(at: cluster.now)).proposals.first {
                        $0.signed.action == action
                    }
                }
            }
            // Once every site is up, and its operator can sign there.
            var isMet = reaches(1, in: cluster)
            cluster.submit(action, by: everybody)
            isMet =
                cluster.run(until: limit) {
                    cluster.sites.allSatisfy { known(at: $0)?.signed.operators.count == nodes }
                } && isMet
            let signed = known(at: cluster.sites[thief])?.signed
            let needed = cluster.genesis.rules.operatorsNeeded(memberCount: nodes)
            for member in 0...(nodes - needed) {
                cluster.queue.push(.judge(member: member, action, verdict), at: cluster.now + 1)
            }
            isMet = cluster.run(until: limit) { cluster.sites.allSatisfy { known(at: $0)?.isClosed ?? false } } && isMet
            let isInTime = cluster.checkers.versions.count < Int(first)
            for height in [first, first + 1] {
                isMet = reaches(height, in: cluster) && isMet
                if let signed { cluster.spread(ForgedMessage.action(signed), from: cluster.sites[thief]) }
            }
            let outcome = cluster.run()
            return Scenario.Result(
                name: verdict.rawValue, outcome: outcome,
                cameAbout: isMet && isInTime && signed != nil && carried(in: cluster).isEmpty)
        }
    }

    /// Everything that the members review is vetoed by all of them: versions are empty, and the chain goes on.
    func everythingIsVetoed() -> [Scenario.Result] {
        (1...UInt64(2)).map { seed in
            let cluster = cluster(options(seed: seed, heights: 12))
            var rules = cluster.genesis.rules
            rules.review = .vetoWindow
            cluster.submit(action(.rules(rules), sequence: 1, from: 1), by: everybody)
            // The first heights under review may still list what was committed before it began.
            var begun: UInt64?
            func isEmpty() -> Bool {
                cluster.checkers.history.values.contains {
                    $0.version.manifest.isEmpty && $0.version.action == nil && $0.version.height.value > begun ?? .max
                }
            }
            var vetoed: Set<Slot> = []
            _ = cluster.run(until: limit) {
                if cluster.checkers.newestRoster.rules.review == .vetoWindow {
                    begun = begun ?? UInt64(cluster.checkers.versions.count)
                    for slot in cluster.checkers.available.keys.sorted() where vetoed.insert(slot).inserted {
                        veto(slot, in: cluster)
                    }
                }
                return isEmpty()
            }
            let outcome = cluster.run()
            return Scenario.Result(name: "seed \(seed)", outcome: outcome, cameAbout: isEmpty())
        }
    }

    private func veto(_ slot: Slot, in cluster: Cluster) {
        guard let contribution = cluster.checkers.available[slot] else { return }
        let statement = ReviewStatement(verdict: .veto, slot: slot, contribution: contribution)
        for member in everybody { cluster.queue.push(.review(member: member, statement), at: cluster.now + 1) }
    }

    /// What a view notarized is vetoed before it is finalized: the payload stays what it was, and is decided as it was.
    func vetoesComeBetweenVotes() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let cluster = cluster(options(seed: seed, heights: 7))
            var rules = cluster.genesis.rules
            rules.review = .vetoWindow
            cluster.submit(action(.rules(rules), sequence: 1, from: 1), by: everybody)
            let isInForce = cluster.run(until: limit) { cluster.checkers.newestRoster.rules.review == .vetoWindow }
            let target = UInt64(cluster.checkers.versions.count) + 2
            // Nobody hears a vote to finalize in that view, and everybody hears of the vetoes.
            var proposed: [Digest: Version] = [:]
            cluster.filter = { _, _, bytes in
                let scan = cluster.checkers.scans.scan(bytes)
                for version in scan.payloads.map(\.version) where version.height.value == target {
                    proposed[version.versionDigest.digest] = version
                }
                return !scan.hasVotes(.finalize, height: target, view: 1)
            }
            let notarization = Checkers.QuorumPlace(kind: .notarize, height: target, view: 1)
            let isNotarized = cluster.run(until: limit) { cluster.checkers.quorums[notarization] != nil }
            let notarized = cluster.checkers.quorums[notarization].flatMap { proposed[$0] }
            let slots = notarized?.manifest.map(\.slot) ?? []
            for slot in slots { veto(slot, in: cluster) }
            let areKnown = cluster.run(until: limit) {
                cluster.sites.count { isVetoed(slots, at: $0, in: cluster) } >= quorum
            }
            let isOpen = cluster.checkers.versions[target] == nil
            let isDecided = reaches(target, in: cluster) && cluster.checkers.versions[target] == notarized
            let outcome = cluster.run()
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome,
                cameAbout: isInForce && isNotarized && !slots.isEmpty && areKnown && isOpen && isDecided)
        }
    }

    /// Whether a node knows of so many vetoes against each of the slots that no fresh payload may list it.
    private func isVetoed(_ slots: [Slot], at site: Site, in cluster: Cluster) -> Bool {
        guard let process = site.process else { return false }
        let reviews = process.node.report(now: process.clock.reading(at: cluster.now)).reviews.map(\.statement)
        return slots.allSatisfy { slot in
            reviews.count { $0.slot == slot && $0.verdict == .veto } >= max(2, faultBound + 1)
        }
    }

    /// A contribution is taken out of the history while members crash: all of them come to the same replayed state.
    func replayedStateTakesOver() -> [Scenario.Result] {
        [false, true].map { isRough in
            let cluster = cluster(
                options(heights: 10) {
                    guard isRough else { return }
                    $0.crashInterval = 900
                    $0.downMaximum = 600
                    $0.lossPercent = 5
                })
            var isMet = reaches(2, in: cluster)
            let listed = cluster.checkers.versions[1]?.manifest.first?.contribution
            if let listed {
                cluster.submit(
                    action(.revert(.contribution(listed), from: Height(1)), sequence: 1, from: 1), by: everybody)
            }
            isMet = cluster.run(until: limit) { cluster.checkers.reverts.contains { $0.switched != nil } } && isMet
            return Scenario.Result(name: isRough ? "rough" : "quiet", outcome: cluster.run(), cameAbout: isMet)
        }
    }
}
