import Crypto
import Ledger
import Testing

@testable import Gossip

struct RoundTests {
    @Test(arguments: [1, 2, 4, 5, 7]) func everySiteReachesTheSameVersions(count: Int) throws {
        let town = try Town(count: count)
        #expect(town.reach(4))
        let heads = Set(town.sites.map(\.node.chain.headDigest))
        #expect(heads.count == 1)
        for certified in town.sites[0].adopted { #expect(certified.version.manifest.count == count) }
    }

    @Test func everyVersionPassesAnAuditOfItsOwn() throws {
        let town = try Town(count: 4)
        #expect(town.reach(3))
        var chain = Chain(genesis: town.genesis)
        for certified in town.sites[2].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        #expect(chain.height == Height(3))
        #expect(chain.headDigest == town.sites[0].node.chain.headDigest)
    }

    @Test func oneSilentSiteDelaysNobodyForEver() throws {
        let town = try Town(count: 4)
        town.settle()
        town.crash(1)
        #expect(town.reach(3))
    }

    @Test func twoSilentSitesOfFourStopTheChainAndOneReturningStartsItAgain() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(0)
        town.crash(3)
        #expect(!town.reach(2))
        try town.restart(3)
        #expect(town.reach(2))
    }

    @Test func aSiteThatWasAwayReplaysWhatTheOthersDecided() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(2)
        #expect(town.reach(5))
        try town.restart(2)
        #expect(town.reach(7))
        #expect(Set(town.sites.map(\.node.chain.headDigest)).count == 1)
        let signedAgain =
            town.sites[0].adopted.last!.certificate.signatures.signers.contains(2)
            || town.sites[0].adopted.last!.version.manifest.contains { $0.slot.author == town.sites[2].identity.member }
        #expect(signedAgain)
    }

    @Test func everybodyCrashingAtOnceLosesNothing() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        for index in 0..<4 { town.crash(index) }
        for index in 0..<4 { try town.restart(index) }
        #expect(town.reach(4))
    }

    @Test func nothingSignedLeavesBeforeItIsDurable() throws {
        let town = try Town(count: 4)
        town.settle()
        town.holdsDisk = [0]
        town.contributeAll()
        _ = town.run(milliseconds: 60_000) { false }
        let me = town.sites[0].identity.member
        let myIndex = town.genesis.members.index(of: me)!
        for (_, message) in town.sites[0].sent {
            switch message {
            case .ready(let ready): #expect(ready.signer != me)
            case .proposal(let proposal): #expect(proposal.signer != me)
            case .votes(let votes): #expect(!votes.signatures.signers.contains(myIndex))
            case .acks(let acks): #expect(!acks.signatures.signers.contains(myIndex))
            case .contribution(let signed): #expect(signed.signer != me)
            default: break
            }
        }
        #expect(town.heights[1] == 1)
        town.releaseDisk(0)
        #expect(town.reach(2))
    }

    @Test func lostMessagesComeAgain() throws {
        let town = try Town(count: 4)
        var counter = 0
        town.drops = { _, _, _ in
            counter += 1
            return counter % 3 == 0
        }
        #expect(town.reach(3))
        // Some may be further than that already.
        let third = town.sites.map { $0.adopted.first { $0.height == Height(3) }?.version.versionDigest }
        #expect(Set(third).count == 1)
        #expect(third[0] != nil)
    }

    @Test func aLeaderThatIsNeverHeardIsPassedBy() throws {
        let town = try Town(count: 4)
        let leader = town.sites[0].node.height.leader(of: .first)
        town.drops = { from, _, message in
            if case .proposal = message { return from == leader }
            return false
        }
        #expect(town.reach(1))
        #expect(town.sites[0].adopted[0].certificate.vote.view > .first)
    }
}

struct StragglerTests {
    /// The sender of a contribution of 64 pieces dies half-way: nobody waits for it, not even the grace.
    @Test func aSenderThatDiesHalfWayDelaysNobody() throws {
        let town = try Town(count: 4, payloadPieces: 64)
        #expect(town.reach(1))
        // Not the next leader: its view would have to time out first.
        let sender = (town.sites[0].node.height.leader(of: .first) + 1) % 4
        let others = (0..<4).filter { $0 != sender }
        var pieces = 0
        town.contribute(sender)
        town.settleUntil { message in
            if case .want = message { pieces += 1 }
            return pieces >= 4
        }
        town.crash(sender)
        for index in others { town.contribute(index) }
        let before = town.now
        #expect(town.run { others.allSatisfy { town.heights[$0] >= 2 } })
        #expect(town.now.since(before) < Timing().graceMinimum)
        #expect(town.sites[others[0]].adopted.last!.version.manifest.count == 3)
    }
}
