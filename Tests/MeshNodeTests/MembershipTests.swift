import Crypto
import Foundation
import Glibc
import Gossip
import Ledger
import Testing

@testable import MeshNode
@testable import SiteFiles

struct MembershipTests {
    private func site(_ folder: String) -> SiteFiles.Configuration.Site {
        SiteFiles.Configuration.Site(
            name: "de", stateDirectory: folder + "/state", nodeKey: folder + "/node.key",
            linkKey: folder + "/link.key", passphraseFile: nil)
    }

    private func makeKeys(_ folder: String, suffix: String = "") throws -> (node: SigningKey, link: LinkKey) {
        var random = SeededRandom.system()
        let (node, link) = (random.secret(count: 32), random.secret(count: 32))
        try KeyFile(kind: .nodeKey, secret: node, path: folder + "/node.key" + suffix, random: &random).store()
        try KeyFile(kind: .linkKey, secret: link, path: folder + "/link.key" + suffix, random: &random).store()
        return (SigningKey(seed: node), LinkKey(secret: link))
    }

    private func member(_ keys: (node: SigningKey, link: LinkKey), epoch: UInt32) -> Member {
        let operatorKey = SigningKey(seed: .random(count: 32)).verifyingKey
        return Member(
            id: MemberID(firstOperatorKey: operatorKey), name: "de", operatorKey: operatorKey,
            nodeKey: keys.node.verifyingKey, linkKey: keys.link.publicKey, keyEpoch: epoch)
    }

    @Test("Keys go over to the next ones only where the set names them, and then the retired files are gone")
    func rotates() throws {
        let folder = try TestFolder()
        let old = try makeKeys(folder.path)
        let ring = try KeyRing(site(folder.path))
        #expect(try !ring.follow(member(old, epoch: 0)))
        let next = try makeKeys(folder.path, suffix: ".next")
        #expect(try !ring.follow(member(old, epoch: 0)), "proposed is not agreed on")
        try ring.eraseRetired()
        #expect(DiskFile.exists(folder.path + "/node.key.next"), "nothing is erased before that")
        #expect(try ring.follow(member(next, epoch: 1)))
        #expect(ring.nodeKey.verifyingKey == next.node.verifyingKey && ring.linkKey.publicKey == next.link.publicKey)
        try ring.eraseRetired()
        #expect(try DiskFile.names(in: folder.path).sorted() == ["link.key", "node.key"])
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == next.node.verifyingKey)
        let stranger = try makeKeys(folder.path, suffix: ".next")
        #expect(throws: DaemonError.self) { try ring.follow(member(old, epoch: 2)) }
        #expect(ring.nodeKey.verifyingKey != stranger.node.verifyingKey)
    }

    @Test("A crash in the middle of erasing leaves the site with its key, and the rest is erased at the next start")
    func survivesCrashWhileErasing() throws {
        let folder = try TestFolder()
        let old = try makeKeys(folder.path)
        // The second name of the old key is made, the new one not put in its place yet.
        #expect(link(folder.path + "/node.key", folder.path + "/node.key.retired") == 0)
        try KeyRing(site(folder.path)).finishErasing()
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == old.node.verifyingKey)
        #expect(!DiskFile.exists(folder.path + "/node.key.retired"))
        // The new key is in place, the old one not overwritten yet.
        #expect(link(folder.path + "/node.key", folder.path + "/node.key.retired") == 0)
        DiskFile.remove(folder.path + "/node.key")
        DiskFile.remove(folder.path + "/link.key")
        let next = try makeKeys(folder.path)
        try KeyRing(site(folder.path)).finishErasing()
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == next.node.verifyingKey)
        #expect(!DiskFile.exists(folder.path + "/node.key.retired"))
    }

    private func card(_ name: String, linkKey: LinkPublicKey? = nil) -> SignedCard {
        let operatorKey = SigningKey(seed: .random(count: 32))
        let nodeKey = SigningKey(seed: .random(count: 32))
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: name,
            operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey,
            linkKey: linkKey ?? LinkKey(secret: .random(count: 32)).publicKey, keyEpoch: 0)
        return SignedCard(card: Card(member: member, addresses: []), operatorKey: operatorKey, nodeKey: nodeKey)
    }

    @Test("Invited sites may have a link, outlive a restart, and lose it when withdrawn; members are never invited")
    func keepsInvitations() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let membership = try sites.start(0).membership
        let chain = try #require(sites.daemons[0]).keeper.node.chain
        let guest = card("it")
        let key = guest.card.member.linkKey
        #expect(membership.admits(key) == nil)
        #expect(membership.observers.refusal(of: guest, chain) == nil)
        var isDone = false
        membership.invite(guest) { failure in isDone = failure == nil }
        try sites.wait(for: "the invitation") { isDone }
        #expect(membership.admits(key)?.member == guest.card.member.id)
        sites.stop(0)
        let again = try sites.start(0).membership
        #expect(again.admits(key)?.member == guest.card.member.id)

        #expect(again.observers.refusal(of: card("es"), chain)?.contains("a name or a key of es") == true)
        #expect(again.observers.refusal(of: card("pl", linkKey: key), chain)?.contains("link key of another") == true)
        let known = try #require(chain.members.member(named: "es"))
        #expect(
            again.observers.refusal(of: card("pl", linkKey: known.linkKey), chain)?.contains("key of es") == true)

        isDone = false
        again.withdraw(guest.card.member.id) { failure in isDone = failure == nil }
        try sites.wait(for: "the end of the invitation") { isDone }
        #expect(again.admits(key) == nil)
        sites.stop(0)
        #expect(try sites.start(0).membership.admits(key) == nil)
    }

    /// Four sites, of which all but the last run and have certified two versions.
    private func threeOfFour() throws -> TestSites {
        let sites = try TestSites(["de", "es", "fr", "pl"])
        for index in 0...2 { try sites.start(index) }
        try sites.train(for: "versions") { (0...2).allSatisfy { sites.height($0) >= 2 } }
        return sites
    }

    @Test("A site that was told of another chain refuses this one, after a restart too, and takes its own")
    func refusesForeignChain() throws {
        let sites = try threeOfFour()
        defer { sites.end() }
        let first = try #require(try sites.daemons[0]?.keeper.database.version(at: Height(1))).version.versionDigest
        sites.expected[3] = (Height(1), VersionDigest(.zero))
        let joiner = try sites.start(3)
        try sites.wait(for: "the refusal") { joiner.keeper.isStopped }
        #expect(sites.height(3) == 0)
        sites.stop(3)
        #expect(throws: DaemonError.self) { try sites.start(3) }
        try FileManager.default.removeItem(atPath: sites.state(3))
        sites.expected[3] = (Height(1), first)
        try sites.start(3)
        try sites.wait(for: "the joiner") { sites.height(3) >= 2 }
    }

    @Test("A version digest without its height is awaited too")
    func awaitsVersion() throws {
        let sites = try threeOfFour()
        defer { sites.end() }
        let second = try #require(try sites.daemons[0]?.keeper.database.version(at: Height(2))).version.versionDigest
        sites.expected[3] = (nil, VersionDigest(.zero))
        let joiner = try sites.start(3)
        var walked = Height.genesis
        let onNotice = joiner.keeper.onNotice
        joiner.keeper.onNotice = { notice in
            if case .walked(let height) = notice { walked = height }
            onNotice?(notice)
        }
        try sites.wait(for: "the walk") { walked >= Height(2) }
        #expect(sites.height(3) == 0)
        sites.stop(3)
        for expected in [second, sites.genesis.version.versionDigest] {
            sites.expected[3] = (nil, expected)
            try sites.start(3)
            let target = sites.height(0) + 1
            try sites.train(for: "versions with it") { (0...3).allSatisfy { sites.height($0) >= target } }
            sites.stop(3)
        }
    }

    @Test("A chain that is refused while an event is handled ends what the event led to, and the daemon stops in order")
    func refusesInTheMiddle() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let onNotice = daemon.keeper.onNotice
        daemon.keeper.onNotice = { notice in
            if case .adopted = notice { daemon.membership.onForeignChain?("this is another fork") }
            onNotice?(notice)
        }
        try sites.train(for: "the refusal") { daemon.keeper.isStopped }
        sites.stop(0)
        try sites.start(0)
        #expect(sites.height(0) == 1)
    }

    @Test("No more sites are invited than there are places")
    func boundsInvitations() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let chain = Chain(genesis: sites.genesis)
        let observers = Observers((0..<Observers.maximum).map { card("guest-\($0)") })
        #expect(observers.refusal(of: card("it"), chain)?.contains("one more than 64") == true)
    }
}
