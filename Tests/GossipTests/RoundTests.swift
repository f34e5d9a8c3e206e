import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

struct RoundTests {
    @Test(arguments: [1, 2, 4, 5, 7]) func everySiteReachesTheSameVersions(count: Int) throws {
        let cluster = try Cluster(count: count)
        #expect(cluster.reach(4))
        let heads = Set(cluster.sites.map(\.node.chain.headDigest))
        #expect(heads.count == 1)
        for certified in cluster.sites[0].adopted { #expect(certified.version.manifest.count == count) }
    }

    @Test func everyVersionPassesAnAuditOfItsOwn() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(3))
        var chain = Chain(genesis: cluster.genesis)
        for certified in cluster.sites[2].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        #expect(chain.height == Height(3))
        #expect(chain.headDigest == cluster.sites[0].node.chain.headDigest)
    }

    @Test func oneSilentSiteDelaysNobodyForEver() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.crash(1)
        #expect(cluster.reach(3))
    }

    @Test func twoSilentSitesOfFourStopTheChainAndOneReturningStartsItAgain() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(0)
        cluster.crash(3)
        #expect(!cluster.reach(2))
        try cluster.restart(3)
        #expect(cluster.reach(2))
    }

    @Test func aSiteThatWasAwayReplaysWhatTheOthersDecided() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(2)
        #expect(cluster.reach(5))
        try cluster.restart(2)
        #expect(cluster.reach(7))
        #expect(Set(cluster.sites.map(\.node.chain.headDigest)).count == 1)
        let signedAgain =
            cluster.sites[0].adopted.last!.certificate.signatures.signers.contains(2)
            || cluster.sites[0].adopted.last!.version.manifest.contains {
                $0.slot.author == cluster.sites[2].identity.member
            }
        #expect(signedAgain)
    }

    @Test func everybodyCrashingAtOnceLosesNothing() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        for index in 0..<4 { cluster.crash(index) }
        for index in 0..<4 { try cluster.restart(index) }
        #expect(cluster.reach(4))
    }

    @Test func nothingSignedLeavesBeforeItIsDurable() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.holdsDisk = [0]
        cluster.contributeAll()
        _ = cluster.run(milliseconds: 60_000) { false }
        let me = cluster.sites[0].identity.member
        let myIndex = cluster.genesis.members.index(of: me)!
        for (_, message) in cluster.sites[0].sent {
            switch message {
            case .ready(let ready): #expect(ready.signer != me)
            case .proposal(let proposal): #expect(proposal.signer != me)
            case .votes(let votes): #expect(!votes.signatures.signers.contains(myIndex))
            case .availability(let votes): #expect(!votes.signatures.signers.contains(myIndex))
            case .contribution(let signed): #expect(signed.signer != me)
            default: break
            }
        }
        #expect(cluster.heights[1] == 1)
        cluster.releaseDisk(0)
        #expect(cluster.reach(2))
    }

    @Test func lostMessagesComeAgain() throws {
        let cluster = try Cluster(count: 4)
        var counter = 0
        cluster.drops = { _, _, _ in
            counter += 1
            return counter % 3 == 0
        }
        #expect(cluster.reach(3))
        // Some may be further than that already.
        let third = cluster.sites.map { $0.adopted.first { $0.height == Height(3) }?.version.versionDigest }
        #expect(Set(third).count == 1)
        #expect(third[0] != nil)
    }

    @Test func aLeaderThatIsNeverHeardIsPassedBy() throws {
        let cluster = try Cluster(count: 4)
        let leader = cluster.sites[0].node.height.leader(of: .first)
        cluster.drops = { from, _, message in
            if case .proposal = message { return from == leader }
            return false
        }
        #expect(cluster.reach(1))
        #expect(cluster.sites[0].adopted[0].certificate.vote.view > .first)
    }
}

struct StragglerTests {
    /// The sender of a contribution of 64 pieces dies half-way: nobody waits for it, not even the grace.
    @Test func aSenderThatDiesHalfWayDelaysNobody() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 64)
        #expect(cluster.reach(1))
        // Not the next leader: its view would have to time out first.
        let sender = (cluster.sites[0].node.height.leader(of: .first) + 1) % 4
        let others = (0..<4).filter { $0 != sender }
        var pieces = 0
        cluster.contribute(sender)
        cluster.settleUntil { message in
            if case .want = message { pieces += 1 }
            return pieces >= 4
        }
        cluster.crash(sender)
        for index in others { cluster.contribute(index) }
        let before = cluster.now
        #expect(cluster.run { others.allSatisfy { cluster.heights[$0] >= 2 } })
        #expect(cluster.now.since(before) < Timing().graceMinimum)
        #expect(cluster.sites[others[0]].adopted.last!.version.manifest.count == 3)
    }
}
