import Crypto
import Ledger
import Testing

@testable import Gossip

/// Nodes that begin with a genesis and links, and no parameters.
struct JoinerTests {
    @Test func aFounderWithoutAModelGetsVersionZeroFromItsPeers() throws {
        let town = try Town(count: 4, joiners: [2])
        #expect(town.run { town.sites[2].hasParameters(town.genesis.roots.parameters) })
        #expect(town.sites[2].notices.contains(.synchronised(town.genesis.version)))
        #expect(town.reach(2))
        #expect(town.sites[2].adopted.count == 2)
    }

    @Test func anObserverSynchronisesServesAndSignsNothing() throws {
        let town = try Town(count: 4, retentionVersions: 8, observers: 2, joiners: [4, 5])
        town.crash(4)
        town.crash(5)
        #expect(town.reach(13))
        try town.restart(4)
        #expect(town.run { town.sites[4].node.chain.height >= Height(13) })
        #expect(town.reach(15))
        #expect(
            town.sites[4].journal.allSatisfy { entry in
                switch entry {
                case .contribution, .availability, .payload, .certificate, .address: true
                default: false
                }
            })
        // What it has, it gives: the second observer is linked with it alone.
        let alone: (Int, Int) -> Bool = { from, to in (from == 5 && to != 4) || (to == 5 && from != 4) }
        town.drops = { from, to, _ in alone(from, to) }
        town.dropsPiece = { from, to, _ in alone(from, to) }
        try town.restart(5)
        _ = town.run(milliseconds: 60_000) { town.sites[5].walked.count >= 15 }
        // It has walked, and takes no parameters on the word of one that is no member.
        #expect(town.sites[5].walked.count >= 15)
        #expect(town.sites[5].adopted.count == 0)
        town.drops = { _, _, _ in false }
        #expect(town.run { town.sites[5].node.chain.height >= Height(15) })
    }

    @Test func aJoinerWaitsForAQuorumOfReports() throws {
        let town = try Town(count: 4, retentionVersions: 8, observers: 1, joiners: [4])
        town.crash(4)
        #expect(town.reach(9))
        town.drops = { from, to, message in
            if case .summary = message { return to == 4 && from < 2 }
            return false
        }
        try town.restart(4)
        _ = town.run(milliseconds: 60_000) { false }
        #expect(town.sites[4].walked.count >= 9)
        #expect(town.sites[4].adopted.count == 0)
        town.drops = { _, _, _ in false }
        #expect(town.run { town.sites[4].node.chain.height >= Height(9) })
    }

    /// Site 4 comes to a mesh at version 9, at first told of a version that is not on its chain.
    private func takesNothingBeforeTheVersionThatItWasToldOf(_ town: Town) throws {
        town.crash(4)
        #expect(town.reach(9))
        town.expected = VersionDigest(Digest(DigestDomain("test"), [77]))
        try town.restart(4)
        _ = town.run(milliseconds: 60_000) { false }
        #expect(town.sites[4].walked.count >= 9)
        #expect(town.sites[4].adopted.count == 0)
        town.crash(4)
        town.expected = town.sites[0].adopted[4].version.versionDigest
        try town.restart(4)
        #expect(town.run { town.sites[4].node.chain.height >= Height(9) })
    }

    @Test func aJoinerTakesNoChainWithoutTheVersionThatItWasToldOf() throws {
        try takesNothingBeforeTheVersionThatItWasToldOf(
            Town(count: 4, retentionVersions: 8, observers: 1, joiners: [4]))
    }

    /// Version 0 at hand makes nobody less of a joiner, whether the way on is a jump, with pins every four versions, or a
    /// replay.
    @Test(arguments: [8, 1024] as [UInt32])
    func aJoinerWithAModelTakesNothingBeforeTheVersionThatItWasToldOf(retentionVersions: UInt32) throws {
        try takesNothingBeforeTheVersionThatItWasToldOf(
            Town(count: 4, retentionVersions: retentionVersions, observers: 1))
    }

    /// What follows a replayed version may lead elsewhere than where the walk came by.
    @Test func aVersionThatAJoinerWasToldOfIsAwaitedUntilItIsAdopted() throws {
        let town = try Town(count: 4, observers: 1)
        town.crash(4)
        #expect(town.reach(3))
        town.expected = town.sites[0].adopted[2].version.versionDigest
        town.drops = { [unowned town] _, to, message in
            guard to == 4, !town.sites[4].adopted.isEmpty, case .walkPart = message else { return false }
            return true
        }
        try town.restart(4)
        _ = town.run(milliseconds: 60_000) { false }
        #expect(town.sites[4].adopted.count == 1)
        town.drops = { _, _, _ in false }
        #expect(town.run { town.sites[4].node.chain.height >= Height(3) })
    }

    /// Thieves of retired keys may come with votes before anybody else comes with versions.
    @Test func aJoinerStopsWhereAnEarlierCertificateContradictsItsWalk() throws {
        let town = try Town(count: 4, observers: 1)
        town.crash(4)
        #expect(town.reach(3))
        town.expected = town.sites[0].adopted[2].version.versionDigest
        // Nothing else tells it of the contradiction.
        town.drops = { _, to, message in
            guard to == 4 else { return false }
            switch message {
            case .summary, .walkPart: return false
            default: return true
            }
        }
        try town.restart(4)
        let forged = Vote(
            kind: .finalize, height: Height(1), view: .first,
            version: VersionDigest(Digest(DigestDomain("test"), [78])))
        town.inject(.votes(town.votes(forged, by: [0, 1, 2])), from: 0, to: 4)
        #expect(town.run { town.sites[4].node.alarms == [.conflictingCertificates(Height(1))] })
        #expect(town.sites[4].walked.isEmpty)
        #expect(town.sites[4].adopted.isEmpty)
    }

    /// A member whose head's parameters were destroyed takes newer ones, or the same.
    @Test func aMemberThatLostItsParametersGetsThemFromPeers() throws {
        let town = try Town(count: 4, retentionVersions: 8)
        #expect(town.reach(6))
        town.crash(3)
        town.sites[3].parameters = [:]
        try town.restart(3)
        #expect(town.run { town.sites[3].notices.contains { if case .synchronised = $0 { true } else { false } } })
        #expect(town.reach(8))
    }
}
