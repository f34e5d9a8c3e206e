import Crypto
import Ledger
import Testing

@testable import Gossip

@Suite struct ActionTests {
    @Test func whatEnoughOperatorsSignTakesEffectInTheNextVersion() throws {
        let town = try Town(count: 4)
        town.settle()
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        #expect(town.reach(3))
        for index in 0..<4 {
            #expect(town.chains[index].rules == town.otherRules)
            #expect(town.taken(index).count == 1, "an action takes effect once")
        }
        #expect(town.sites[0].adopted.first?.embedded.action?.signed.operators.count == 3)
        for certified in town.sites[0].adopted { #expect(certified.version.manifest.count == 4) }
    }

    @Test func tooFewOperatorsChangeNothing() throws {
        let town = try Town(count: 4)
        town.settle()
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1])
        #expect(town.reach(3))
        #expect(town.chains.allSatisfy { $0.rules == town.genesis.rules })
        let report = try #require(town.sites[3].node.report(now: town.now).proposals.first)
        #expect(report.operators.count == 2 && report.operatorsNeeded == 3 && !report.isComplete)
    }

    @Test func completeAction_trainersNeverContributed_takesEffectWithoutWaitingForTheDeadline() throws {
        let town = try Town(count: 4)
        town.settle()
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2, 3])
        #expect(town.run(milliseconds: 2 * Timing().graceMinimum) { town.heights.allSatisfy { $0 == 1 } })
        let version = try #require(town.sites[0].adopted.first?.version)
        #expect(version.manifest.isEmpty && version.action != nil)
        #expect(version.roots == town.genesis.roots)
    }

    @Test func completeAction_trainersStoppedAfterContributing_takesEffectWithoutWaitingForTheDeadline() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        #expect(town.run(milliseconds: 2 * Timing().graceMinimum) { town.heights.allSatisfy { $0 == 3 } })
        #expect(town.chains.allSatisfy { $0.rules == town.otherRules })
    }

    @Test func completeAction_contributionsArriveWithinTheGrace_listsThemToo() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        town.contributeAll()
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        #expect(town.sites[0].adopted.last?.version.manifest.count == 4)
        #expect(town.chains.allSatisfy { $0.rules == town.otherRules })
    }

    @Test func whatWasLostOnTheWayComesBySummaries() throws {
        let town = try Town(count: 4)
        town.settle()
        town.drops = { _, _, message in
            switch message {
            case .action, .readiness: true
            default: false
            }
        }
        let (member, identity) = town.newMember("site-4", seed: 41)
        _ = town.addNewcomer(identity)
        town.propose(town.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        #expect(town.sites[3].node.report(now: town.now).proposals.isEmpty)
        town.drops = { _, _, _ in false }
        #expect(
            town.run { town.sites.allSatisfy { $0.node.report(now: town.now).proposals.first?.isComplete ?? false } })
    }

    @Test func aRestartForgetsNoSignatureAndNoReadinessThatWasCountedOn() throws {
        let town = try Town(count: 4)
        town.settle()
        let (member, identity) = town.newMember("site-4", seed: 41)
        let newcomer = town.addNewcomer(identity)
        town.propose(town.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        // Every member names the action; no version is made yet.
        town.drops = { _, _, message in if case .proposal = message { true } else { false } }
        town.contributeAll()
        #expect(town.run { town.sites.prefix(4).allSatisfy { $0.node.height.own.ready != nil } })
        #expect(town.sites.prefix(4).allSatisfy { $0.node.height.own.ready?.body.actions.count == 1 })
        for index in 0..<5 { town.crash(index) }
        // The newcomer never comes back: its readiness must be on the others' disks.
        for index in 0..<4 { try town.restart(index) }
        town.drops = { _, _, _ in false }
        #expect(town.run { town.heights.prefix(4).allSatisfy { $0 == 1 } })
        #expect(town.chains[0].members.count == 5)
        #expect(town.chains[newcomer].height == .genesis)
    }

    @Test func aLeaderThatLacksANamedActionFetchesIt() throws {
        let town = try Town(count: 4)
        town.settle()
        let leader = town.sites[0].node.height.leader(of: .first)
        // It hears of the action only where it asks for it.
        town.drops = { _, to, message in
            guard to == leader, case .action = message else { return false }
            return town.sites[leader].node.pacing.fetches.isDue(
                .proposal(town.action(.rules(town.otherRules)).digest), now: town.now, interval: .max)
        }
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2, 3].filter { $0 != leader })
        #expect(town.sites[leader].node.governance.actions.isEmpty)
        #expect(town.reach(1))
        #expect(town.chains[leader].rules == town.otherRules)
        #expect(town.sites[0].adopted.first?.certificate.vote.view == .first)
    }

    @Test func aUsedActionIsNotTakenAgain() throws {
        let town = try Town(count: 4)
        town.settle()
        let first = town.action(.rules(town.otherRules), sequence: 5)
        town.propose(first, by: [0, 1, 2])
        #expect(town.reach(1))
        let back = town.action(.rules(town.genesis.rules), sequence: 6)
        town.propose(back, by: [0, 1, 2])
        #expect(town.reach(2))
        #expect(town.chains[0].rules == town.genesis.rules)
        // Everything old again, and an older number.
        for old in [first, town.action(.rules(town.otherRules), sequence: 4)] {
            let signed = town.signed(old, by: [0, 1, 2, 3])
            let refusal = town.sites[0].node.refusal(of: signed)
            #expect(refusal == .fault(.usedSequence(old.sequence, last: 6)))
            for index in 1..<4 { town.inject(.action(signed), from: 0, to: index) }
        }
        #expect(town.reach(4))
        #expect(town.chains.allSatisfy { $0.rules == town.genesis.rules })
        #expect(town.sites.allSatisfy { $0.node.governance.actions.isEmpty })
    }

    @Test func anActionPastItsLastHeightEnds() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules), last: 2)
        town.propose(action, by: [0, 1])
        #expect(town.reach(2))
        #expect(town.sites.allSatisfy { $0.node.governance.actions.isEmpty })
        #expect(town.sites[3].notices.contains(.proposalDropped(action.digest)))
        #expect(
            town.sites[0].node.refusal(of: town.signed(action, by: [2]))
                == .fault(.expired(last: Height(2))))
    }

    @Test func oneOperatorFillsItsOwnPlacesAndNobodyElses() throws {
        let town = try Town(count: 4)
        town.settle()
        for sequence in 1...60 {
            let action = town.action(.remove(town.sites[1].identity.member), sequence: UInt64(sequence))
            town.inject(.action(town.signed(action, by: [3])), from: 3, to: 0)
        }
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        let held = town.sites[0].node.governance.actions.values.count {
            $0.operators.keys.contains(town.sites[3].identity.member)
        }
        #expect(held == GovernanceTable.Places(memberCount: 4).othersOfOperator)
        #expect(
            town.sites[0].node.refusal(
                of: town.signed(town.action(.remove(town.sites[1].identity.member), sequence: 70), by: [3]))
                == .tooManyPending(town.sites[3].identity.member))
        #expect(
            town.run { town.sites.allSatisfy { $0.node.governance.digests == town.sites[0].node.governance.digests } })
        #expect(town.reach(1))
        #expect(town.chains[0].rules == town.otherRules)
    }

    /// Each of them would take the place of the one before: none costs the others a write for ever.
    @Test func actionsInDescendingOrderDoNotFillTheJournal() throws {
        let town = try Town(count: 4)
        town.settle()
        let flood = (1...200).map {
            town.action(.remove(town.sites[1].identity.member), sequence: UInt64($0))
        }
        for action in flood.sorted(by: { $1.digest < $0.digest }) {
            town.inject(.action(town.signed(action, by: [3])), from: 3, to: 0)
        }
        town.settle()
        let written = town.sites[0].journal.count { if case .action = $0 { true } else { false } }
        #expect(written == GovernanceTable.signaturesOfOperatorMaximum)
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        #expect(town.reach(1))
        #expect(town.chains[0].rules == town.otherRules)
    }

    @Test func aForgedSignatureCutsTheLinkAndAStaleKeyDoesNot() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        let good = town.signed(action, by: [1, 2])
        let stale = SignedGovernanceAction(
            action: action,
            operators: [
                good.operators[0],
                OperatorSignature(
                    signer: good.operators[1].signer, keyEpoch: 7, signature: good.operators[1].signature),
            ])
        town.inject(.action(stale), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.governance[action.digest]?.operators.count == 1)
        let forged = SignedGovernanceAction(
            action: action,
            operators: [
                OperatorSignature(
                    signer: good.operators[1].signer, keyEpoch: 0, signature: good.operators[0].signature)
            ])
        town.inject(.action(forged), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.governance[action.digest]?.operators.count == 1)
        #expect(
            town.sites[0].notices.contains(.linkCutOff(town.sites[1].identity.member, .invalidSignature)))
    }

    @Test func ofTwoReadyActionsThatConflictOneTakesEffectAndTheOtherIsJudgedAnew() throws {
        let town = try Town(count: 4)
        town.settle()
        var third = town.otherRules
        third.innerSteps += 1
        let (left, right) = (
            town.action(.rules(town.otherRules), sequence: 1), town.action(.rules(third), sequence: 1)
        )
        town.propose(left, by: [0, 1, 2, 3])
        town.propose(right, by: [0, 1, 2, 3])
        #expect(town.reach(3))
        let winner = left.digest < right.digest ? left : right
        #expect(town.taken(0) == [winner])
        #expect(Set(town.chains.map(\.headDigest)).count == 1)
        #expect(town.sites[0].node.governance.actions.isEmpty)
    }

    @Test func aCertifiedVersionThatCannotTakeEffectRaisesAnAlarm() throws {
        let town = try Town(count: 4)
        town.settle()
        let ready = (0..<3).map { index in
            Signed(
                Ready(height: Height(1), parent: town.chains[0].headDigest, slots: []),
                signer: town.sites[index].identity.member, key: town.sites[index].identity.nodeKey,
                network: town.genesis.network)
        }
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: town.genesis.network, height: Height(1), parent: town.chains[0].headDigest, manifest: [],
            action: nil, rules: town.otherRules.digest, members: town.genesis.members.digest, support: support.digest,
            roots: town.genesis.roots)
        let vote = Vote(kind: .finalize, height: Height(1), view: .first, version: version.versionDigest)
        town.inject(
            .certified(Payload(version: version, support: support), town.votes(vote, by: [0, 1, 2])), from: 1, to: 0)
        for record in ready { town.inject(.ready(record), from: 1, to: 0) }
        town.settle()
        #expect(town.sites[0].notices.contains(.alarm(.inapplicableVersion(Height(1)))))
        #expect(town.chains[0].height == .genesis)
    }
}
