import Crypto
import Ledger
import Testing

@testable import Gossip

/// Losses that are noticed, and what follows.
struct LostJournalTests {
    /// Signs nothing up to where it may have signed, catches up, and signs again beyond.
    private func expectRecovery(of lost: Int, in town: Town, signedBefore: Height) throws {
        #expect(town.run { !town.abstentions(of: lost).isEmpty })
        let until = try #require(town.abstentions(of: lost).first)
        #expect(signedBefore <= until)
        let own = town.sites[lost].identity.member
        #expect(town.reach(until.value + 2))
        let heights = town.sites[lost].journal.compactMap { entry -> Height? in
            switch entry {
            case .vote(let signed): signed.signer == own ? signed.body.height : nil
            case .closed(let signed): signed.signer == own ? signed.body.height : nil
            case .ready(let signed): signed.body.height
            case .stored(let signed): signed.body.baseHeight.next
            case .ownContribution(let signed): signed.body.baseHeight.next
            default: nil
            }
        }
        #expect(heights.filter { $0 > signedBefore }.allSatisfy { $0 > until })
        #expect(heights.contains { $0 > until })
        #expect(town.standing(lost) == .free)
        #expect(town.contradictions(of: lost).isEmpty)
        #expect(town.sites.allSatisfy { $0.node.alarms.isEmpty })
    }

    @Test(arguments: [4, 5, 7]) func aDeletedJournalIsNoticedByWhatOthersReturn(count: Int) throws {
        let town = try Town(count: count)
        #expect(town.reach(3))
        let signed = town.highestSigned(by: 0)
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        town.settle()
        #expect(town.losses(of: 0).count == 1)
        try expectRecovery(of: 0, in: town, signedBefore: signed)
    }

    @Test(arguments: [4, 7]) func anOlderJournalIsNoticedByWhatOthersReturn(count: Int) throws {
        let town = try Town(count: count)
        #expect(town.reach(1))
        let backup = town.backup(1)
        #expect(town.reach(4))
        let signed = town.highestSigned(by: 1)
        try town.restart(1, from: backup)
        town.settle()
        #expect(town.losses(of: 1).count == 1)
        try expectRecovery(of: 1, in: town, signedBefore: signed)
    }

    /// The member had voted in a view that is not over when its journal went.
    @Test func aLossInTheMiddleOfAHeightLeadsToNoSecondVote() throws {
        let town = try Town(count: 4)
        town.dropsFinalizing(Height(1))
        town.settle()
        town.contributeAll()
        town.settle()
        #expect(town.sites.allSatisfy { !$0.node.height.own.finalized.isEmpty })
        let signed = town.highestSigned(by: 2)
        try town.restart(2, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        town.settle()
        #expect(town.losses(of: 2).count == 1)
        town.drops = { _, _, _ in false }
        try expectRecovery(of: 2, in: town, signedBefore: signed)
    }

    @Test func anOperatorsWordIsEnough() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        town.feed(.recover, to: 3)
        town.settle()
        #expect(town.losses(of: 3) == [.declared])
        try expectRecovery(of: 3, in: town, signedBefore: town.highestSigned(by: 3))
    }

    /// The loss is on record from the moment that it is noticed: the next start needs no second notice of it.
    @Test func aCrashInTheMiddleOfARecoveryDoesNotEndIt() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        let signed = town.highestSigned(by: 0)
        // Only one answer comes, so the recovery cannot end.
        town.drops = { from, to, message in
            if case .report = message { to == 0 && from != 1 } else { false }
        }
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        town.settle()
        #expect(town.losses(of: 0).count == 1)
        town.crash(0)
        // The others keep what they hold of it to themselves.
        town.drops = { _, to, message in
            if case .report(let report) = message { to == 0 && !report.body.statements.isEmpty } else { false }
        }
        try town.restart(0)
        town.settle()
        #expect(town.sites[0].node.recovery.isLost)
        town.drops = { _, _, _ in false }
        try expectRecovery(of: 0, in: town, signedBefore: signed)
    }

    @Test func anAbstentionOutlivesACrash() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        let signed = town.highestSigned(by: 0)
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(town.run { !town.abstentions(of: 0).isEmpty })
        let until = try #require(town.abstentions(of: 0).first)
        town.crash(0)
        try town.restart(0)
        town.settle()
        #expect(town.standing(0) == .abstaining(until: until, isHopeless: false))
        try expectRecovery(of: 0, in: town, signedBefore: signed)
    }

    @Test func aRecoveredMemberThatLosesItsJournalAgainRecoversAgain() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(town.reach(6))
        #expect(town.standing(0) == .free)
        let backup = town.backup(0)
        #expect(town.reach(8))
        let signed = town.highestSigned(by: 0)
        town.sites[0].notices = []
        try town.restart(0, from: backup)
        town.settle()
        #expect(town.losses(of: 0).count == 1)
        try expectRecovery(of: 0, in: town, signedBefore: signed)
    }

    /// Of three members all must sign: nobody can recover, and it says so.
    @Test func threeMembersCannotAffordALoss() throws {
        let town = try Town(count: 3)
        #expect(town.reach(2))
        try town.restart(1, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(!town.run(milliseconds: 60_000) { !town.abstentions(of: 1).isEmpty })
        #expect(town.standing(1) == .recovering(answers: 2, needed: 3, isHopeless: true))
        #expect(town.sites[1].node.report(now: town.now).phase == .recovering)
    }

    @Test func aContributionWhileAbstainingIsRefusedByName() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(town.run { !town.abstentions(of: 0).isEmpty })
        town.sites[0].notices = []
        let contribution = town.contribution(of: 0)
        town.contribute(0)
        town.settle()
        #expect(
            town.sites[0].notices.contains(
                .contributionRefused(
                    contribution.contributionDigest, author: contribution.author, refusal: "recovering")))
    }

    /// Records of an address are numbered; a life that starts at one again would be heard by nobody.
    @Test func anAddressIsAnnouncedBeyondTheNumberOfTheLostLife() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let identity = town.sites[0].identity
        let record = Signed(
            AddressRecord(member: identity.member, addresses: ["127.0.0.1:9"], sequence: 9), signer: identity.member,
            key: identity.nodeKey, network: town.genesis.network)
        town.inject(.address(record), from: 0, to: 1)
        town.settle()
        try town.restart(0, from: DiskCopy(journal: [], adopted: [], pieces: [:]))
        #expect(
            town.run {
                (1...3).allSatisfy {
                    let known = town.sites[$0].node.addresses[identity.member]?.body
                    return known?.sequence == 10 && known?.addresses == identity.addresses
                }
            })
    }
}
