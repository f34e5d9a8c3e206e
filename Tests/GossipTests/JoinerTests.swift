import Crypto
import Ledger
import Testing

@testable import Gossip

/// Nodes that begin with a genesis and links, and no parameters.
struct JoinerTests {
    @Test func aFounderWithoutAModelGetsVersionZeroFromItsPeers() throws {
        let cluster = try Cluster(count: 4, joiners: [2])
        #expect(cluster.run { cluster.sites[2].hasParameters(cluster.genesis.roots.parameters) })
        #expect(cluster.sites[2].notices.contains(.synchronised(cluster.genesis.version)))
        #expect(cluster.reach(2))
        #expect(cluster.sites[2].adopted.count == 2)
    }

    @Test func anObserverSynchronisesServesAndSignsNothing() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8, observers: 2, joiners: [4, 5])
        cluster.crash(4)
        cluster.crash(5)
        #expect(cluster.reach(13))
        try cluster.restart(4)
        #expect(cluster.run { cluster.sites[4].node.chain.height >= Height(13) })
        #expect(cluster.reach(15))
        #expect(
            cluster.sites[4].journal.allSatisfy { entry in
                switch entry {
                case .contribution, .availability, .payload, .certificate, .address: true
                default: false
                }
            })
        // What it has, it gives: the second observer is linked with it alone.
        let alone: (Int, Int) -> Bool = { from, to in (from == 5 && to != 4) || (to == 5 && from != 4) }
        cluster.drops = { from, to, _ in alone(from, to) }
        cluster.dropsPiece = { from, to, _ in alone(from, to) }
        try cluster.restart(5)
        _ = cluster.run(milliseconds: 60_000) { cluster.sites[5].syncedHeaders.count >= 15 }
        // It has synced headers, and takes no parameters on the word of one that is no member.
        #expect(cluster.sites[5].syncedHeaders.count >= 15)
        #expect(cluster.sites[5].adopted.count == 0)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.sites[5].node.chain.height >= Height(15) })
    }

    @Test func aJoinerWaitsForAQuorumOfReports() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8, observers: 1, joiners: [4])
        cluster.crash(4)
        #expect(cluster.reach(9))
        cluster.drops = { from, to, message in
            if case .summary = message { return to == 4 && from < 2 }
            return false
        }
        try cluster.restart(4)
        _ = cluster.run(milliseconds: 60_000) { false }
        #expect(cluster.sites[4].syncedHeaders.count >= 9)
        #expect(cluster.sites[4].adopted.count == 0)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.sites[4].node.chain.height >= Height(9) })
    }

    /// Site 4 comes to a mesh at version 9, at first told of a version that is not on its chain.
    private func takesNothingBeforeTheVersionThatItWasToldOf(_ cluster: Cluster) throws {
        cluster.crash(4)
        #expect(cluster.reach(9))
        cluster.expected = VersionDigest(Digest(DigestDomain("test"), [77]))
        try cluster.restart(4)
        _ = cluster.run(milliseconds: 60_000) { false }
        #expect(cluster.sites[4].syncedHeaders.count >= 9)
        #expect(cluster.sites[4].adopted.count == 0)
        cluster.crash(4)
        cluster.expected = cluster.sites[0].adopted[4].version.versionDigest
        try cluster.restart(4)
        #expect(cluster.run { cluster.sites[4].node.chain.height >= Height(9) })
    }

    @Test func aJoinerTakesNoChainWithoutTheVersionThatItWasToldOf() throws {
        try takesNothingBeforeTheVersionThatItWasToldOf(
            Cluster(count: 4, retentionVersions: 8, observers: 1, joiners: [4]))
    }

    /// Version 0 at hand makes nobody less of a joiner, whether the way on is a state sync, with pins every four
    /// versions, or a replay.
    @Test(arguments: [8, 1024] as [UInt32])
    func aJoinerWithAModelTakesNothingBeforeTheVersionThatItWasToldOf(retentionVersions: UInt32) throws {
        try takesNothingBeforeTheVersionThatItWasToldOf(
            Cluster(count: 4, retentionVersions: retentionVersions, observers: 1))
    }

    /// What follows a replayed version may lead elsewhere than where the header sync came by.
    @Test func aVersionThatAJoinerWasToldOfIsAwaitedUntilItIsAdopted() throws {
        let cluster = try Cluster(count: 4, observers: 1)
        cluster.crash(4)
        #expect(cluster.reach(3))
        cluster.expected = cluster.sites[0].adopted[2].version.versionDigest
        cluster.drops = { [unowned cluster] _, to, message in
            guard to == 4, !cluster.sites[4].adopted.isEmpty, case .headerPart = message else { return false }
            return true
        }
        try cluster.restart(4)
        _ = cluster.run(milliseconds: 60_000) { false }
        #expect(cluster.sites[4].adopted.count == 1)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.sites[4].node.chain.height >= Height(3) })
    }

    /// Thieves of retired keys may come with votes before anybody else comes with versions.
    @Test func aJoinerStopsWhereAnEarlierCertificateContradictsItsHeaderSync() throws {
        let cluster = try Cluster(count: 4, observers: 1)
        cluster.crash(4)
        #expect(cluster.reach(3))
        cluster.expected = cluster.sites[0].adopted[2].version.versionDigest
        // Nothing else tells it of the contradiction.
        cluster.drops = { _, to, message in
            guard to == 4 else { return false }
            switch message {
            case .summary, .headerPart: return false
            default: return true
            }
        }
        try cluster.restart(4)
        let forged = Vote(
            kind: .finalize, height: Height(1), view: .first,
            version: VersionDigest(Digest(DigestDomain("test"), [78])))
        cluster.inject(.votes(cluster.votes(forged, by: [0, 1, 2])), from: 0, to: 4)
        #expect(cluster.run { cluster.sites[4].node.alarms == [.conflictingCertificates(Height(1))] })
        #expect(cluster.sites[4].syncedHeaders.isEmpty)
        #expect(cluster.sites[4].adopted.isEmpty)
    }

    /// A member whose head's parameters were destroyed takes newer ones, or the same.
    @Test func aMemberThatLostItsParametersGetsThemFromPeers() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        #expect(cluster.reach(6))
        cluster.crash(3)
        cluster.sites[3].parameters = [:]
        try cluster.restart(3)
        #expect(
            cluster.run { cluster.sites[3].notices.contains { if case .synchronised = $0 { true } else { false } } })
        #expect(cluster.reach(8))
    }
}
