import Control
import Crypto
import Foundation
import Glibc
import Gossip
import Ledger
import System
import TestKit
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

    private func member(_ keys: (node: SigningKey, link: LinkKey), epoch: UInt32) -> Ledger.Member {
        let operatorKey = SigningKey(seed: .random(count: 32)).verifyingKey
        return Ledger.Member(
            id: MemberID(firstOperatorKey: operatorKey), name: "de", operatorKey: operatorKey,
            nodeKey: keys.node.verifyingKey, linkKey: keys.link.publicKey, keyEpoch: epoch)
    }

    @Test("Keys go over to the next ones only where the set names them, and then the retired files are gone")
    func rotates() throws {
        let folder = TemporaryFolder()
        let old = try makeKeys(folder.path)
        let ring = try KeyRing(site(folder.path))
        #expect(try !ring.follow(member(old, epoch: 0)))
        let next = try makeKeys(folder.path, suffix: ".next")
        #expect(try !ring.follow(member(old, epoch: 0)), "proposed is not agreed on")
        ring.eraseRetired()
        #expect(File.exists(folder.path + "/node.key.next"), "nothing is erased before that")
        #expect(try ring.follow(member(next, epoch: 1)))
        #expect(ring.nodeKey.verifyingKey == next.node.verifyingKey && ring.linkKey.publicKey == next.link.publicKey)
        ring.eraseRetired()
        #expect(try Folder.names(in: folder.path).sorted() == ["link.key", "node.key"])
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == next.node.verifyingKey)
        let stranger = try makeKeys(folder.path, suffix: ".next")
        #expect(throws: DaemonError.self) { try ring.follow(member(old, epoch: 2)) }
        #expect(ring.nodeKey.verifyingKey != stranger.node.verifyingKey)
    }

    @Test("A crash in the middle of erasing leaves the site with its key, and the rest is erased at the next start")
    func survivesCrashWhileErasing() throws {
        let folder = TemporaryFolder()
        let old = try makeKeys(folder.path)
        // The second name of the old key is made, the new one not put in its place yet.
        #expect(link(folder.path + "/node.key", folder.path + "/node.key.retired") == 0)
        try KeyRing(site(folder.path)).eraseRetired()
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == old.node.verifyingKey)
        #expect(!File.exists(folder.path + "/node.key.retired"))
        // The new key is in place, the old one not overwritten yet.
        #expect(link(folder.path + "/node.key", folder.path + "/node.key.retired") == 0)
        File.remove(folder.path + "/node.key")
        File.remove(folder.path + "/link.key")
        let next = try makeKeys(folder.path)
        try KeyRing(site(folder.path)).eraseRetired()
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey == next.node.verifyingKey)
        #expect(!File.exists(folder.path + "/node.key.retired"))
    }

    @Test(
        "Retired keys that cannot be erased are named, keep nobody from starting, and are erased as soon as it can be done"
    )
    func retiredKeyThatCannotBeErased_isAnAlarm() throws {
        let folder = TemporaryFolder()
        let old = try makeKeys(folder.path)
        let next = try makeKeys(folder.path, suffix: ".next")
        // A directory where the second name of the retired key would go: as good as a directory that is read-only, also
        // for root.
        try FileManager.default.createDirectory(
            atPath: folder.path + "/node.key.retired", withIntermediateDirectories: false)
        for _ in 0..<2 {
            // Each time as after a restart.
            let ring = try KeyRing(site(folder.path))
            #expect(try ring.follow(member(next, epoch: 1)))
            ring.eraseRetired()
            #expect(ring.residue?.contains("node.key.retired") == true, "\(ring.residue ?? "none")")
            #expect(
                ring.nodeKey.verifyingKey == next.node.verifyingKey && ring.linkKey.publicKey == next.link.publicKey)
        }
        try FileManager.default.removeItem(atPath: folder.path + "/node.key.retired")
        let ring = try KeyRing(site(folder.path))
        _ = try ring.follow(member(next, epoch: 1))
        ring.eraseRetired()
        #expect(ring.residue == nil)
        #expect(try Folder.names(in: folder.path).sorted() == ["link.key", "node.key"])
        #expect(try KeyRing(site(folder.path)).nodeKey.verifyingKey != old.node.verifyingKey)
    }

    private func guest(_ name: String, linkKey: LinkPublicKey? = nil) -> Ledger.Member {
        let operatorKey = SigningKey(seed: .random(count: 32)).verifyingKey
        return Ledger.Member(
            id: MemberID(firstOperatorKey: operatorKey), name: name, operatorKey: operatorKey,
            nodeKey: SigningKey(seed: .random(count: 32)).verifyingKey,
            linkKey: linkKey ?? LinkKey(secret: .random(count: 32)).publicKey, keyEpoch: 0)
    }

    /// An invitation by the site `inviter`, signed with its operator key or with another key.
    private func invitation(
        _ sites: TestSites, of guest: Ledger.Member, by inviter: Int = 0, key: SigningKey? = nil, sequence: UInt64 = 1,
        height: Height = .genesis, version: VersionDigest? = nil, expires: Height = Height(1000),
        network: NetworkID? = nil
    ) throws -> SignedInvitation {
        let member = try #require(sites.genesis.members.member(named: sites.names[inviter]))
        return SignedInvitation(
            Invitation(
                invitee: guest, inviter: member, sequence: sequence, height: height,
                version: version ?? sites.genesis.version.versionDigest, expires: expires, addresses: []),
            network: network ?? sites.genesis.network,
            operatorKey: try key ?? #require(sites.operatorKeys[member.id]))
    }

    /// Asks as a process on the operator socket does.
    private func invite(_ sites: TestSites, _ client: TestClient, _ id: Int64, _ signed: SignedInvitation) throws
        -> ControlReason?
    {
        try client.ask(id, Invite(invitation: #require(RecordText(bytes: signed.encoded))))
        try sites.wait(for: "an answer") { client.isAnswered(id) }
        return client.refusal(of: id)
    }

    @Test("invite_withoutTheSiteOperatorsSignature_isRefused: no process that reaches the socket can invite a stranger")
    func refusesInvitationsThatTheOperatorDidNotSign() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let membership = daemon.membership
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        defer { client.stream.close() }
        let stranger = guest("it")
        let thief = SigningKey(seed: .random(count: 32))
        var forged: [SignedInvitation] = [
            // Signed by a key of the caller's own, and by the operator of another member.
            try invitation(sites, of: stranger, key: thief),
            try invitation(sites, of: stranger, by: 1),
            // Signed for another network, for a version of another chain, and for one that does not exist yet.
            try invitation(sites, of: stranger, network: NetworkID(.zero)),
            try invitation(sites, of: stranger, version: VersionDigest(.zero)),
            try invitation(sites, of: stranger, height: Height(7)),
        ]
        // An inviter that names the thief's key as this site's.
        let own = try #require(sites.genesis.members.member(named: "de"))
        let disguised = Ledger.Member(
            id: own.id, name: own.name, operatorKey: thief.verifyingKey, nodeKey: own.nodeKey, linkKey: own.linkKey,
            keyEpoch: own.keyEpoch)
        forged.append(
            SignedInvitation(
                Invitation(
                    invitee: stranger, inviter: disguised, sequence: 1, height: .genesis,
                    version: sites.genesis.version.versionDigest, expires: Height(9), addresses: []),
                network: sites.genesis.network, operatorKey: thief))
        // An honest invitation of another site, with the stranger's keys put into it.
        let honest = try invitation(sites, of: guest("it"))
        let changed = try invitation(sites, of: stranger).invitation
        forged.append(
            try SignedInvitation(
                cbor: .record([
                    "network": .bytes(honest.network.digest.bytes), "invitation": changed.cbor,
                    "signature": .bytes(honest.signature.bytes),
                ])))
        for (index, signed) in forged.enumerated() {
            #expect(try invite(sites, client, Int64(index), signed) == .invalidInvitation, "\(index)")
            #expect(membership.admits(stranger.linkKey) == nil)
        }
        #expect(try invite(sites, client, 100, invitation(sites, of: stranger)) == nil)
        #expect(membership.admits(stranger.linkKey)?.member == stranger.id)
    }

    @Test("A withdrawn invitation cannot be handed over again, also after a restart; a new one of its operator can")
    func withdrawnInvitationIsNotReplayed() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        try sites.start(0)
        let stranger = guest("it")
        let first = try invitation(sites, of: stranger)
        func client() throws -> TestClient {
            let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
            client.read()
            return client
        }
        var socket = try client()
        #expect(try invite(sites, socket, 1, first) == nil)
        try socket.ask(2, InviteWithdraw(member: text(stranger.id)))
        try sites.wait(for: "the end of the invitation") { socket.isAnswered(2) }
        #expect(socket.refusal(of: 2) == nil)
        #expect(try invite(sites, socket, 3, first) == .invalidInvitation)
        socket.stream.close()
        sites.stop(0)
        let again = try sites.start(0).membership
        socket = try client()
        defer { socket.stream.close() }
        #expect(try invite(sites, socket, 4, first) == .invalidInvitation)
        #expect(again.admits(stranger.linkKey) == nil)
        #expect(again.observers.nextSequence(of: stranger.id) == 2)
        #expect(try invite(sites, socket, 5, invitation(sites, of: stranger, sequence: 2)) == nil)
        #expect(again.admits(stranger.linkKey)?.member == stranger.id)
    }

    @Test("An invitation ends with its last version, and with the operator key that signed it")
    func invitationsEnd() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let membership = try sites.start(0).membership
        let stranger = guest("it")
        var isDone = false
        membership.invite(try invitation(sites, of: stranger, expires: Height(1))) { failure in isDone = failure == nil
        }
        try sites.wait(for: "the invitation") { isDone }
        #expect(membership.admits(stranger.linkKey) != nil)
        try sites.train(for: "the version after its last") { sites.height(0) >= 2 }
        #expect(membership.admits(stranger.linkKey) == nil)
        try sites.wait(for: "its removal") { membership.observers.invitations.isEmpty }

        // A chain in which this site's operator key was rotated: what the retired key signed does not count.
        let old = try #require(sites.genesis.members.members.first)
        let newKey = SigningKey(seed: .random(count: 32))
        let rotated = Ledger.Member(
            id: old.id, name: old.name, operatorKey: newKey.verifyingKey, nodeKey: old.nodeKey, linkKey: old.linkKey,
            keyEpoch: 1)
        let chain = Chain(
            genesis: Genesis(
                nonce: sites.genesis.nonce, members: try MemberSet(members: [rotated]), rules: sites.genesis.rules,
                tensors: sites.genesis.tensors, attachments: [], roots: sites.genesis.roots))
        for (inviter, key, counts) in [(old, try #require(sites.operatorKeys[old.id]), false), (rotated, newKey, true)]
        {
            var observers = Observers(site: old.id)
            observers.insert(
                SignedInvitation(
                    Invitation(
                        invitee: stranger, inviter: inviter, sequence: 1, height: .genesis, version: chain.headDigest,
                        expires: Height(9), addresses: []), network: chain.network, operatorKey: key))
            #expect((observers.observer(stranger.id, chain) != nil) == counts)
            #expect(observers.ended(chain) == (counts ? [] : [stranger.id]))
        }
    }

    @Test("Invited sites may have a link, outlive a restart, and lose it when withdrawn; members are never invited")
    func keepsInvitations() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let membership = try sites.start(0).membership
        let chain = try #require(sites.daemons[0]).driver.node.chain
        let stranger = guest("it")
        let key = stranger.linkKey
        let signed = try invitation(sites, of: stranger)
        #expect(membership.admits(key) == nil)
        #expect(membership.observers.refusal(of: signed, chain) == nil)
        var isDone = false
        membership.invite(signed) { failure in isDone = failure == nil }
        try sites.wait(for: "the invitation") { isDone }
        #expect(membership.admits(key)?.member == stranger.id)
        sites.stop(0)
        let again = try sites.start(0).membership
        #expect(again.admits(key)?.member == stranger.id)

        func refusal(_ guest: Ledger.Member) throws -> String? {
            again.observers.refusal(of: try invitation(sites, of: guest), chain)
        }
        #expect(try refusal(guest("es"))?.contains("a name or a key of es") == true)
        #expect(try refusal(guest("pl", linkKey: key))?.contains("link key of another") == true)
        let known = try #require(chain.members.member(named: "es"))
        #expect(try refusal(guest("pl", linkKey: known.linkKey))?.contains("key of es") == true)

        isDone = false
        again.withdraw(stranger.id) { failure in isDone = failure == nil }
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
        let first = try #require(try sites.daemons[0]?.driver.database.version(at: Height(1))).version.versionDigest
        sites.expected[3] = (Height(1), VersionDigest(.zero))
        let joiner = try sites.start(3)
        try sites.wait(for: "the refusal") { joiner.driver.isStopped }
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
        let second = try #require(try sites.daemons[0]?.driver.database.version(at: Height(2))).version.versionDigest
        sites.expected[3] = (nil, VersionDigest(.zero))
        let joiner = try sites.start(3)
        var synced = Height.genesis
        let onNotice = joiner.driver.onNotice
        joiner.driver.onNotice = { notice in
            if case .headerSynced(let height) = notice { synced = height }
            onNotice?(notice)
        }
        try sites.wait(for: "the header sync") { synced >= Height(2) }
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
        let onNotice = daemon.driver.onNotice
        daemon.driver.onNotice = { notice in
            if case .adopted = notice { daemon.membership.onForeignChain?("this is another fork") }
            onNotice?(notice)
        }
        try sites.train(for: "the refusal") { daemon.driver.isStopped }
        sites.stop(0)
        try sites.start(0)
        #expect(sites.height(0) == 1)
    }

    @Test("No more sites are invited than there are places")
    func boundsInvitations() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let chain = Chain(genesis: sites.genesis)
        let site = try #require(sites.genesis.members.members.first).id
        let many = try (0..<Observers.maximum).map { try invitation(sites, of: guest("guest-\($0)")) }
        let observers = Observers(site: site, many)
        let one = try invitation(sites, of: guest("it"))
        #expect(observers.refusal(of: one, chain)?.contains("one more than 64") == true)
        // Those that were withdrawn are remembered, and their number is bounded too.
        var withdrawn = Observers(site: site)
        for index in 0..<Observers.recordedMaximum {
            let signed = try invitation(sites, of: guest("guest-\(index)"), expires: Height(3))
            withdrawn.insert(signed)
            let id = signed.invitation.invitee.id
            withdrawn.remove(id, leaving: withdrawn.tombstone(of: id))
        }
        #expect(withdrawn.refusal(of: one, chain)?.contains("one more than are recorded") == true)
    }
}
