import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

@Suite struct ActionTests {
    @Test func whatEnoughOperatorsSignTakesEffectInTheNextVersion() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        #expect(cluster.reach(3))
        for index in 0..<4 {
            #expect(cluster.chains[index].rules == cluster.otherRules)
            #expect(cluster.taken(index).count == 1, "an action takes effect once")
        }
        #expect(cluster.sites[0].adopted.first?.embedded.action?.signed.operators.count == 3)
        for certified in cluster.sites[0].adopted { #expect(certified.version.manifest.count == 4) }
    }

    @Test func tooFewOperatorsChangeNothing() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1])
        #expect(cluster.reach(3))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.genesis.rules })
        let report = try #require(cluster.sites[3].node.report(now: cluster.now).proposals.first)
        #expect(report.operators.count == 2 && report.operatorsNeeded == 3 && !report.isComplete)
    }

    @Test func completeAction_trainersNeverContributed_takesEffectWithoutWaitingForTheDeadline() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2, 3])
        #expect(cluster.run(milliseconds: 2 * Timing().graceMinimum) { cluster.heights.allSatisfy { $0 == 1 } })
        let version = try #require(cluster.sites[0].adopted.first?.version)
        #expect(version.manifest.isEmpty && version.action != nil)
        #expect(version.roots == cluster.genesis.roots)
    }

    @Test func completeAction_trainersStoppedAfterContributing_takesEffectWithoutWaitingForTheDeadline() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        #expect(cluster.run(milliseconds: 2 * Timing().graceMinimum) { cluster.heights.allSatisfy { $0 == 3 } })
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.otherRules })
    }

    @Test func completeAction_contributionsArriveWithinTheGrace_listsThemToo() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(cluster.sites[0].adopted.last?.version.manifest.count == 4)
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.otherRules })
    }

    @Test func whatWasLostOnTheWayComesBySummaries() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.drops = { _, _, message in
            switch message {
            case .action, .readiness: true
            default: false
            }
        }
        let (member, identity) = cluster.newMember("site-4", seed: 41)
        _ = cluster.addNewcomer(identity)
        cluster.propose(cluster.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        #expect(cluster.sites[3].node.report(now: cluster.now).proposals.isEmpty)
        cluster.drops = { _, _, _ in false }
        #expect(
            cluster.run {
                cluster.sites.allSatisfy { $0.node.report(now: cluster.now).proposals.first?.isComplete ?? false }
            })
    }

    @Test func aRestartForgetsNoSignatureAndNoReadinessThatWasCountedOn() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let (member, identity) = cluster.newMember("site-4", seed: 41)
        let newcomer = cluster.addNewcomer(identity)
        cluster.propose(cluster.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        // Every member names the action; no version is made yet.
        cluster.drops = { _, _, message in if case .proposal = message { true } else { false } }
        cluster.contributeAll()
        #expect(cluster.run { cluster.sites.prefix(4).allSatisfy { $0.node.height.own.ready != nil } })
        #expect(cluster.sites.prefix(4).allSatisfy { $0.node.height.own.ready?.body.actions.count == 1 })
        for index in 0..<5 { cluster.crash(index) }
        // The newcomer never comes back: its readiness must be on the others' disks.
        for index in 0..<4 { try cluster.restart(index) }
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.heights.prefix(4).allSatisfy { $0 == 1 } })
        #expect(cluster.chains[0].members.count == 5)
        #expect(cluster.chains[newcomer].height == .genesis)
    }

    @Test func aLeaderThatLacksANamedActionFetchesIt() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let leader = cluster.sites[0].node.height.leader(of: .first)
        // It hears of the action only where it asks for it.
        cluster.drops = { _, to, message in
            guard to == leader, case .action = message else { return false }
            return cluster.sites[leader].node.pacing.fetches.isDue(
                .proposal(cluster.action(.rules(cluster.otherRules)).digest), now: cluster.now, interval: .max)
        }
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2, 3].filter { $0 != leader })
        #expect(cluster.sites[leader].node.governance.actions.isEmpty)
        #expect(cluster.reach(1))
        #expect(cluster.chains[leader].rules == cluster.otherRules)
        #expect(cluster.sites[0].adopted.first?.certificate.vote.view == .first)
    }

    @Test func aUsedActionIsNotTakenAgain() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let first = cluster.action(.rules(cluster.otherRules), sequence: 5)
        cluster.propose(first, by: [0, 1, 2])
        #expect(cluster.reach(1))
        let back = cluster.action(.rules(cluster.genesis.rules), sequence: 6)
        cluster.propose(back, by: [0, 1, 2])
        #expect(cluster.reach(2))
        #expect(cluster.chains[0].rules == cluster.genesis.rules)
        // Everything old again, and an older number.
        for old in [first, cluster.action(.rules(cluster.otherRules), sequence: 4)] {
            let signed = cluster.signed(old, by: [0, 1, 2, 3])
            let refusal = cluster.sites[0].node.refusal(of: signed)
            #expect(refusal == .fault(.usedSequence(old.sequence, last: 6)))
            for index in 1..<4 { cluster.inject(.action(signed), from: 0, to: index) }
        }
        #expect(cluster.reach(4))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.genesis.rules })
        #expect(cluster.sites.allSatisfy { $0.node.governance.actions.isEmpty })
    }

    @Test func anActionPastItsLastHeightEnds() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules), last: 2)
        cluster.propose(action, by: [0, 1])
        #expect(cluster.reach(2))
        #expect(cluster.sites.allSatisfy { $0.node.governance.actions.isEmpty })
        #expect(cluster.sites[3].notices.contains(.proposalDropped(action.digest)))
        #expect(
            cluster.sites[0].node.refusal(of: cluster.signed(action, by: [2]))
                == .fault(.expired(last: Height(2))))
    }

    @Test func oneOperatorFillsItsOwnPlacesAndNobodyElses() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for sequence in 1...60 {
            let action = cluster.action(.remove(cluster.sites[1].identity.member), sequence: UInt64(sequence))
            cluster.inject(.action(cluster.signed(action, by: [3])), from: 3, to: 0)
        }
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        let held = cluster.sites[0].node.governance.actions.values.count {
            $0.operators.keys.contains(cluster.sites[3].identity.member)
        }
        #expect(held == GovernanceTable.Places(memberCount: 4).othersOfOperator)
        #expect(
            cluster.sites[0].node.refusal(
                of: cluster.signed(cluster.action(.remove(cluster.sites[1].identity.member), sequence: 70), by: [3]))
                == .tooManyPending(cluster.sites[3].identity.member))
        #expect(
            cluster.run {
                cluster.sites.allSatisfy { $0.node.governance.digests == cluster.sites[0].node.governance.digests }
            })
        #expect(cluster.reach(1))
        #expect(cluster.chains[0].rules == cluster.otherRules)
    }

    /// Each of them would take the place of the one before: none costs the others a write for ever.
    @Test func actionsInDescendingOrderDoNotFillTheJournal() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let flood = (1...200).map {
            cluster.action(.remove(cluster.sites[1].identity.member), sequence: UInt64($0))
        }
        for action in flood.sorted(by: { $1.digest < $0.digest }) {
            cluster.inject(.action(cluster.signed(action, by: [3])), from: 3, to: 0)
        }
        cluster.settle()
        let written = cluster.sites[0].journal.count { if case .action = $0 { true } else { false } }
        #expect(written == GovernanceTable.signaturesOfOperatorMaximum)
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        #expect(cluster.reach(1))
        #expect(cluster.chains[0].rules == cluster.otherRules)
    }

    @Test func aForgedSignatureCutsTheLinkAndAStaleKeyDoesNot() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        let good = cluster.signed(action, by: [1, 2])
        let stale = SignedGovernanceAction(
            action: action,
            operators: [
                good.operators[0],
                OperatorSignature(
                    signer: good.operators[1].signer, keyEpoch: 7, signature: good.operators[1].signature),
            ])
        cluster.inject(.action(stale), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.governance[action.digest]?.operators.count == 1)
        let forged = SignedGovernanceAction(
            action: action,
            operators: [
                OperatorSignature(
                    signer: good.operators[1].signer, keyEpoch: 0, signature: good.operators[0].signature)
            ])
        cluster.inject(.action(forged), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.governance[action.digest]?.operators.count == 1)
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[1].identity.member, .invalidSignature)))
    }

    @Test func ofTwoReadyActionsThatConflictOneTakesEffectAndTheOtherIsJudgedAnew() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        var third = cluster.otherRules
        third.innerSteps += 1
        let (left, right) = (
            cluster.action(.rules(cluster.otherRules), sequence: 1), cluster.action(.rules(third), sequence: 1)
        )
        cluster.propose(left, by: [0, 1, 2, 3])
        cluster.propose(right, by: [0, 1, 2, 3])
        #expect(cluster.reach(3))
        let winner = left.digest < right.digest ? left : right
        #expect(cluster.taken(0) == [winner])
        #expect(Set(cluster.chains.map(\.headDigest)).count == 1)
        #expect(cluster.sites[0].node.governance.actions.isEmpty)
    }

    @Test func aCertifiedVersionThatCannotTakeEffectRaisesAnAlarm() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let ready = (0..<3).map { index in
            Signed(
                Ready(height: Height(1), parent: cluster.chains[0].headDigest, slots: []),
                signer: cluster.sites[index].identity.member, key: cluster.sites[index].identity.nodeKey,
                network: cluster.genesis.network)
        }
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: cluster.genesis.network, height: Height(1), parent: cluster.chains[0].headDigest, manifest: [],
            action: nil, rules: cluster.otherRules.digest, members: cluster.genesis.members.digest,
            support: support.digest,
            roots: cluster.genesis.roots)
        let vote = Vote(kind: .finalize, height: Height(1), view: .first, version: version.versionDigest)
        cluster.inject(
            .certified(Payload(version: version, support: support), cluster.votes(vote, by: [0, 1, 2])), from: 1, to: 0)
        for record in ready { cluster.inject(.ready(record), from: 1, to: 0) }
        cluster.settle()
        #expect(cluster.sites[0].notices.contains(.alarm(.inapplicableVersion(Height(1)))))
        #expect(cluster.chains[0].height == .genesis)
    }
}
