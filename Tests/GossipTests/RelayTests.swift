import Crypto
import Ledger
import Testing

@testable import Gossip

/// Sites that have no link to each other hear each other by those that have one to both, at once: no time passes here,
/// so nothing is owed to the summaries that are exchanged at every tick.
struct RelayTests {
    @Test(
        "A round ends with everybody's contribution where pairs have no link", arguments: [[(0, 3)], [(0, 3), (1, 2)]])
    func aRoundEndsWithoutWaiting(pairs: [(Int, Int)]) throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for (left, right) in pairs { cluster.unlink(left, right) }
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.heights == [1, 1, 1, 1])
        for site in cluster.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("What one end of a chain of sites says gets to the other end")
    func whatIsSaidGoesOverSeveralSites() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for (left, right) in [(0, 2), (0, 3), (1, 3)] { cluster.unlink(left, right) }
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.heights == [1, 1, 1, 1])
        for site in cluster.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("Where all links stand nothing is passed on")
    func nothingIsPassedOnInAFullMesh() throws {
        let cluster = try Cluster(count: 7)
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.heights.allSatisfy { $0 == 1 })
        for site in cluster.sites {
            for (_, message) in site.sent {
                guard case .ready(let ready) = message else { continue }
                #expect(ready.signer == site.identity.member)
            }
        }
    }

    @Test("Of many that could pass a thing on, one more than may be faulty do")
    func onlySomePassAThingOn() throws {
        let cluster = try Cluster(count: 7)
        cluster.settle()
        cluster.unlink(0, 6)
        cluster.settle()
        let before = cluster.sites.map(\.sent.count)
        cluster.contribute(0)
        cluster.settle()
        let author = cluster.sites[0].identity.member
        let relays = cluster.sites.indices.filter { index in
            cluster.sites[index].sent[before[index]...].contains { sent in
                if sent.to == 6, case .contribution(let signed) = sent.message { return signed.signer == author }
                return false
            }
        }
        #expect(relays.count == 3)
        #expect(!relays.contains(0))
    }

    @Test("A site is waited for as long as somebody has a link to it")
    func waitsForWhomAnotherReaches() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.unlink(0, 3)
        cluster.settle()
        for index in 0..<3 { cluster.contribute(index) }
        cluster.settle()
        #expect(cluster.heights == [0, 0, 0, 0])
        cluster.contribute(3)
        cluster.settle()
        #expect(cluster.heights == [1, 1, 1, 1])
        for site in cluster.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("A peer that claims links to members that are none is believed nothing")
    func linksToStrangersAreIgnored() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for count in [0, 3, 5, 200] {
            cluster.inject(.linked(members: cluster.genesis.members.digest, Bitmap(full: count)), from: 1, to: 0)
        }
        cluster.inject(.linked(members: Digest(DigestDomain("test"), [9]), Bitmap(count: 4)), from: 1, to: 0)
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.heights == [1, 1, 1, 1])
    }
}
