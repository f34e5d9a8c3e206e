import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// Losses that are noticed, and what follows.
struct LostJournalTests {
    /// Signs nothing up to where it may have signed, catches up, and signs again beyond.
    private func expectRecovery(of lost: Int, in cluster: Cluster, signedBefore: Height) throws {
        #expect(cluster.run { !cluster.abstentions(of: lost).isEmpty })
        let until = try #require(cluster.abstentions(of: lost).first)
        #expect(signedBefore <= until)
        let own = cluster.sites[lost].identity.member
        #expect(cluster.reach(until.value + 2))
        let heights = cluster.sites[lost].journal.compactMap { entry -> Height? in
            switch entry {
            case .vote(let signed): signed.signer == own ? signed.body.height : nil
            case .closed(let signed): signed.signer == own ? signed.body.height : nil
            case .ready(let signed): signed.body.height
            case .availabilityVote(let signed): signed.body.baseHeight.next
            case .ownContribution(let signed): signed.body.baseHeight.next
            default: nil
            }
        }
        #expect(heights.filter { $0 > signedBefore }.allSatisfy { $0 > until })
        #expect(heights.contains { $0 > until })
        #expect(cluster.standing(lost) == .free)
        #expect(cluster.contradictions(of: lost).isEmpty)
        #expect(cluster.sites.allSatisfy { $0.node.alarms.isEmpty })
    }

    @Test(arguments: [4, 5, 7]) func aDeletedJournalIsNoticedByWhatOthersReturn(count: Int) throws {
        let cluster = try Cluster(count: count)
        #expect(cluster.reach(3))
        let signed = cluster.highestSigned(by: 0)
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        cluster.settle()
        #expect(cluster.losses(of: 0).count == 1)
        try expectRecovery(of: 0, in: cluster, signedBefore: signed)
    }

    @Test(arguments: [4, 7]) func anOlderJournalIsNoticedByWhatOthersReturn(count: Int) throws {
        let cluster = try Cluster(count: count)
        #expect(cluster.reach(1))
        let backup = cluster.backup(1)
        #expect(cluster.reach(4))
        let signed = cluster.highestSigned(by: 1)
        try cluster.restart(1, from: backup)
        cluster.settle()
        #expect(cluster.losses(of: 1).count == 1)
        try expectRecovery(of: 1, in: cluster, signedBefore: signed)
    }

    /// The member had voted in a view that is not over when its journal went.
    @Test func aLossInTheMiddleOfAHeightLeadsToNoSecondVote() throws {
        let cluster = try Cluster(count: 4)
        cluster.dropsFinalizing(Height(1))
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.sites.allSatisfy { !$0.node.height.own.finalized.isEmpty })
        let signed = cluster.highestSigned(by: 2)
        try cluster.restart(2, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        cluster.settle()
        #expect(cluster.losses(of: 2).count == 1)
        cluster.drops = { _, _, _ in false }
        try expectRecovery(of: 2, in: cluster, signedBefore: signed)
    }

    @Test func anOperatorsWordIsEnough() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        cluster.feed(.recover, to: 3)
        cluster.settle()
        #expect(cluster.losses(of: 3) == [.declared])
        try expectRecovery(of: 3, in: cluster, signedBefore: cluster.highestSigned(by: 3))
    }

    /// The loss is on record from the moment that it is noticed: the next start needs no second notice of it.
    @Test func aCrashInTheMiddleOfARecoveryDoesNotEndIt() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        let signed = cluster.highestSigned(by: 0)
        // Only one answer comes, so the recovery cannot end.
        cluster.drops = { from, to, message in
            if case .report = message { to == 0 && from != 1 } else { false }
        }
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        cluster.settle()
        #expect(cluster.losses(of: 0).count == 1)
        cluster.crash(0)
        // The others keep what they hold of it to themselves.
        cluster.drops = { _, to, message in
            if case .report(let report) = message { to == 0 && !report.body.statements.isEmpty } else { false }
        }
        try cluster.restart(0)
        cluster.settle()
        #expect(cluster.sites[0].node.recovery.isLost)
        cluster.drops = { _, _, _ in false }
        try expectRecovery(of: 0, in: cluster, signedBefore: signed)
    }

    @Test func anAbstentionOutlivesACrash() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        let signed = cluster.highestSigned(by: 0)
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(cluster.run { !cluster.abstentions(of: 0).isEmpty })
        let until = try #require(cluster.abstentions(of: 0).first)
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        #expect(cluster.standing(0) == .abstaining(until: until, isHopeless: false))
        try expectRecovery(of: 0, in: cluster, signedBefore: signed)
    }

    @Test func aRecoveredMemberThatLosesItsJournalAgainRecoversAgain() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(cluster.reach(6))
        #expect(cluster.standing(0) == .free)
        let backup = cluster.backup(0)
        #expect(cluster.reach(8))
        let signed = cluster.highestSigned(by: 0)
        cluster.sites[0].notices = []
        try cluster.restart(0, from: backup)
        cluster.settle()
        #expect(cluster.losses(of: 0).count == 1)
        try expectRecovery(of: 0, in: cluster, signedBefore: signed)
    }

    /// Of three members all must sign: nobody can recover, and it says so.
    @Test func threeMembersCannotAffordALoss() throws {
        let cluster = try Cluster(count: 3)
        #expect(cluster.reach(2))
        try cluster.restart(1, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(!cluster.run(milliseconds: 60_000) { !cluster.abstentions(of: 1).isEmpty })
        #expect(cluster.standing(1) == .recovering(answers: 2, needed: 3, isHopeless: true))
        #expect(cluster.sites[1].node.report(now: cluster.now).phase == .recovering)
    }

    @Test func aContributionWhileAbstainingIsRefusedByName() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(cluster.run { !cluster.abstentions(of: 0).isEmpty })
        cluster.sites[0].notices = []
        let contribution = cluster.contribution(of: 0)
        cluster.contribute(0)
        cluster.settle()
        #expect(
            cluster.sites[0].notices.contains(
                .contributionRefused(
                    contribution.contributionDigest, author: contribution.author, refusal: "recovering")))
    }

    /// Records of an address are numbered; a life that starts at one again would be heard by nobody.
    @Test func anAddressIsAnnouncedBeyondTheNumberOfTheLostLife() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let identity = cluster.sites[0].identity
        let record = Signed(
            AddressRecord(member: identity.member, addresses: ["127.0.0.1:9"], sequence: 9), signer: identity.member,
            key: identity.nodeKey, network: cluster.genesis.network)
        cluster.inject(.address(record), from: 0, to: 1)
        cluster.settle()
        try cluster.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(
            cluster.run {
                (1...3).allSatisfy {
                    let known = cluster.sites[$0].node.addresses[identity.member]?.body
                    return known?.sequence == 10 && known?.addresses == identity.addresses
                }
            })
    }
}
