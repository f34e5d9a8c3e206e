import Crypto
import Ledger
import Testing

@testable import Gossip

/// Sites that have no link to each other hear each other by those that have one to both, at once: no time passes here, so
/// nothing is owed to the summaries that are exchanged at every tick.
struct RelayTests {
    @Test(
        "A round ends with everybody's contribution where pairs have no link", arguments: [[(0, 3)], [(0, 3), (1, 2)]])
    func aRoundEndsWithoutWaiting(pairs: [(Int, Int)]) throws {
        let town = try Town(count: 4)
        town.settle()
        for (left, right) in pairs { town.unlink(left, right) }
        town.settle()
        town.contributeAll()
        town.settle()
        #expect(town.heights == [1, 1, 1, 1])
        for site in town.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("What one end of a chain of sites says gets to the other end")
    func whatIsSaidGoesOverSeveralSites() throws {
        let town = try Town(count: 4)
        town.settle()
        for (left, right) in [(0, 2), (0, 3), (1, 3)] { town.unlink(left, right) }
        town.settle()
        town.contributeAll()
        town.settle()
        #expect(town.heights == [1, 1, 1, 1])
        for site in town.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("Where all links stand nothing is passed on")
    func nothingIsPassedOnInAFullMesh() throws {
        let town = try Town(count: 7)
        town.settle()
        town.contributeAll()
        town.settle()
        #expect(town.heights.allSatisfy { $0 == 1 })
        for site in town.sites {
            for (_, message) in site.sent {
                guard case .ready(let ready) = message else { continue }
                #expect(ready.signer == site.identity.member)
            }
        }
    }

    @Test("Of many that could pass a thing on, one more than may be faulty do")
    func onlySomePassAThingOn() throws {
        let town = try Town(count: 7)
        town.settle()
        town.unlink(0, 6)
        town.settle()
        let before = town.sites.map(\.sent.count)
        town.contribute(0)
        town.settle()
        let author = town.sites[0].identity.member
        let relays = town.sites.indices.filter { index in
            town.sites[index].sent[before[index]...].contains { sent in
                if sent.to == 6, case .contribution(let signed) = sent.message { return signed.signer == author }
                return false
            }
        }
        #expect(relays.count == 3)
        #expect(!relays.contains(0))
    }

    @Test("A site is waited for as long as somebody has a link to it")
    func waitsForWhomAnotherReaches() throws {
        let town = try Town(count: 4)
        town.settle()
        town.unlink(0, 3)
        town.settle()
        for index in 0..<3 { town.contribute(index) }
        town.settle()
        #expect(town.heights == [0, 0, 0, 0])
        town.contribute(3)
        town.settle()
        #expect(town.heights == [1, 1, 1, 1])
        for site in town.sites { #expect(site.adopted.last?.version.manifest.count == 4) }
    }

    @Test("A peer that claims links to members that are none is believed nothing")
    func linksToStrangersAreIgnored() throws {
        let town = try Town(count: 4)
        town.settle()
        for count in [0, 3, 5, 200] {
            town.inject(.linked(members: town.genesis.members.digest, Bitmap(full: count)), from: 1, to: 0)
        }
        town.inject(.linked(members: Digest(DigestDomain("test"), [9]), Bitmap(count: 4)), from: 1, to: 0)
        town.settle()
        town.contributeAll()
        town.settle()
        #expect(town.heights == [1, 1, 1, 1])
    }
}
