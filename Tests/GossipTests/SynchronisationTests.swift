import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// Nodes that are too far behind to replay: they sync the certified versions and fetch one version's parameters.
struct SynchronisationTests {
    /// Four members of which the last was away while the others made `height` versions. Payloads are kept for eight.
    private func clusterWithOneBehind(_ height: UInt64, joiners: Set<Int> = []) throws -> Cluster {
        let cluster = try Cluster(count: 4, retentionVersions: 8, joiners: joiners)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(height))
        return cluster
    }

    private func synchronisedHeights(_ cluster: Cluster, _ index: Int) -> [Height] {
        cluster.sites[index].notices.compactMap {
            if case .synchronised(let version) = $0 { version.height } else { nil }
        }
    }

    private func replayedHeights(_ cluster: Cluster, _ index: Int) -> [Height] {
        cluster.sites[index].notices.compactMap {
            if case .adopted(let certified, _) = $0 { certified.height } else { nil }
        }
    }

    @Test func aMemberFarBehindTakesTheParametersOfAPinnedVersion() throws {
        let cluster = try clusterWithOneBehind(22)
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.headDigest == cluster.sites[0].node.chain.headDigest })
        // Rule of eight: every fourth version is pinned.
        #expect(synchronisedHeights(cluster, 3) == [Height(20)])
        let head = cluster.sites[3].node.chain.height
        #expect(replayedHeights(cluster, 3).map(\.value) == Array(21...head.value))
        #expect(cluster.sites[3].adopted.map(\.height.value) == Array(1...head.value))
        #expect(cluster.sites[3].syncedHeaders.isEmpty)
        #expect(cluster.reach(25))
    }

    @Test func aMemberALittleBehindReplays() throws {
        let cluster = try clusterWithOneBehind(2)
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.headDigest == cluster.sites[0].node.chain.headDigest })
        #expect(synchronisedHeights(cluster, 3).isEmpty)
        #expect(replayedHeights(cluster, 3).prefix(2) == [Height(1), Height(2)])
    }

    @Test func nothingIsSignedOnTheWay() throws {
        let cluster = try clusterWithOneBehind(23)
        let before = cluster.sites[3].journal.count
        try cluster.restart(3)
        cluster.dropsPiece = { _, to, _ in to == 3 }
        _ = cluster.run(milliseconds: 60_000) { false }
        #expect(cluster.sites[3].syncedHeaders.count >= 23)
        #expect(cluster.sites[3].node.chain.height == .genesis)
        #expect(cluster.sites[3].node.report(now: cluster.now).phase == .catchingUp)
        #expect(
            cluster.sites[3].journal[before...].allSatisfy {
                switch $0 {
                case .ready, .vote, .proposal: false
                default: true
                }
            })
    }

    /// Whatever is lost at a crash, what is durable is a chain up to a head whose parameters are here.
    @Test func aCrashAnywhereOnTheWayLosesNothingButTime() throws {
        for crashAfter in stride(from: 0, to: 120, by: 7) {
            let cluster = try clusterWithOneBehind(12)
            try cluster.restart(3)
            var count = 0
            cluster.settleUntil { _ in
                count += 1
                return count > crashAfter
            }
            cluster.crash(3)
            let site = cluster.sites[3]
            #expect(site.adopted.map(\.height.value) == site.adopted.indices.map { UInt64($0) + 1 })
            try cluster.restart(3)
            #expect(
                cluster.run { cluster.sites[3].node.chain.height >= Height(12) }, "crash after \(crashAfter) messages")
            #expect(cluster.sites[3].adopted.prefix(12).map(\.height.value) == Array(1...12))
        }
    }

    @Test func blocksOnDiskAreNotFetchedAgain() throws {
        let cluster = try clusterWithOneBehind(10)
        let root = try #require(cluster.sites[0].adopted.first { $0.height == Height(8) }).version.roots.parameters
        var blocks = 0
        cluster.dropsPiece = { _, to, name in
            guard to == 3, name.contribution.digest == root else { return to == 3 }
            blocks += 1
            return blocks > 2
        }
        try cluster.restart(3)
        _ = cluster.run(milliseconds: 5_000) { false }
        let held = try #require(cluster.sites[3].parameters[root])
        #expect(held.count { $0 } == 2)
        cluster.crash(3)
        var sent: [Int] = []
        cluster.dropsPiece = { _, to, name in
            if to == 3, name.contribution.digest == root { sent.append(name.index) }
            return false
        }
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.height >= Height(10) })
        #expect(sent.sorted() == held.indices.filter { !held[$0] })
    }

    @Test func aPeerWithBadBlocksIsCutOffAndTheRestComeFromOthers() throws {
        let cluster = try clusterWithOneBehind(12)
        cluster.spoilsBlocks = [1]
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.height >= Height(12) })
        let cutOff = cluster.sites[3].notices.compactMap { notice -> MemberID? in
            if case .linkCutOff(let member, .badPiece) = notice { member } else { nil }
        }
        #expect(Set(cutOff).isSubset(of: [cluster.sites[1].identity.member]))
    }

    /// Peers drop the parameters of old versions; a joiner whose target is gone moves on to a newer one.
    @Test func aTargetThatPeersDropIsGivenUpForANewerOne() throws {
        let cluster = try clusterWithOneBehind(9)
        cluster.dropsPiece = { _, to, _ in to == 3 }
        try cluster.restart(3)
        #expect(
            cluster.run { cluster.sites[3].notices.contains(.fetchingParameters(Height(8))) })
        let others = { cluster.sites[..<3].allSatisfy { $0.node.chain.height >= Height(21) } }
        var contributed: [Int: VersionDigest] = [:]
        #expect(
            cluster.run {
                for index in 0..<3 where contributed[index] != cluster.sites[index].node.chain.headDigest {
                    contributed[index] = cluster.sites[index].node.chain.headDigest
                    cluster.contribute(index)
                }
                cluster.settle()
                return others()
            })
        cluster.dropsPiece = { _, _, _ in false }
        #expect(cluster.run { cluster.sites[3].node.chain.height >= Height(21) })
        #expect(synchronisedHeights(cluster, 3).allSatisfy { $0 >= Height(16) })
    }

    @Test func aClaimWithoutCertificatesKeepsNobodyFromReplaying() throws {
        let cluster = try clusterWithOneBehind(2)
        cluster.drops = { from, to, message in
            // Site 0 overclaims and gives nothing.
            if from == 0, to == 3, case .summary = message { return true }
            return false
        }
        try cluster.restart(3)
        cluster.settle()
        let overclaim = InventorySummary(
            height: Height(1 << 40), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
            ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: [])
        cluster.inject(.summary(overclaim), from: 0, to: 3)
        #expect(cluster.run { cluster.sites[3].node.chain.height >= Height(2) })
        #expect(synchronisedHeights(cluster, 3).isEmpty)
    }

    /// What one of four says of itself alone is not what the mesh has reached.
    @Test func anOverclaimChangesNoPhase() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let overclaim = Message.summary(
            InventorySummary(
                height: Height(9), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
        cluster.inject(overclaim, from: 0, to: 3)
        cluster.settle()
        #expect(cluster.sites[3].node.report(now: cluster.now).phase == .gathering)
        cluster.inject(overclaim, from: 1, to: 3)
        cluster.settle()
        #expect(cluster.sites[3].node.report(now: cluster.now).phase == .catchingUp)
    }

    @Test func aVersionThatDoesNotStandCutsItsSenderOff() throws {
        let cluster = try clusterWithOneBehind(12)
        let genuine = try #require(cluster.sites[0].adopted.first)
        let forged = CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: genuine.embedded.payload, ready: [], availability: genuine.embedded.availability),
            certificate: genuine.certificate, contributions: genuine.contributions)
        try cluster.restart(3)
        var asked: Int?
        cluster.drops = { from, to, message in
            if from == 3, asked == nil, case .requestHeaders = message {
                asked = to
                return true
            }
            return false
        }
        _ = cluster.run { asked != nil }
        let faulty = try #require(asked)
        for bytes in Wire.headerMessages(of: forged, isLast: true) {
            cluster.inject(try Message(encoded: bytes), from: faulty, to: 3)
        }
        cluster.settle()
        #expect(
            cluster.sites[3].notices.contains(.linkCutOff(cluster.sites[faulty].identity.member, .invalidSignature)))
        #expect(cluster.sites[3].node.report(now: cluster.now).alarms.isEmpty)
        #expect(cluster.run { cluster.sites[3].node.chain.height >= Height(12) })
    }

    @Test func twoChainsStopANodeThatCatchesUp() throws {
        let cluster = try clusterWithOneBehind(2)
        let other = try Cluster(count: 4, retentionVersions: 8)
        // The same keys found the same mesh, and certify something else.
        #expect(other.genesis.network == cluster.genesis.network)
        other.settle()
        for index in 0..<4 { other.contribute(index, steps: 9) }
        #expect(other.run { other.heights.allSatisfy { $0 >= 1 } })
        #expect(other.reach(6))
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.height == cluster.sites[0].node.chain.height })
        let next = cluster.sites[3].node.chain.nextHeight
        let foreign = try #require(other.sites[0].adopted.first { $0.height == next })
        #expect(foreign.version.parent != cluster.sites[3].node.chain.headDigest)
        cluster.sites[3].node.synchronisation.request = HeaderRequest(
            link: cluster.linkID(3, 0), member: cluster.sites[0].identity.member, asked: cluster.now)
        for bytes in Wire.headerMessages(of: foreign, isLast: true) {
            cluster.inject(try Message(encoded: bytes), from: 0, to: 3)
        }
        cluster.settle()
        #expect(cluster.sites[3].node.report(now: cluster.now).alarms == [.conflictingCertificates(next)])
    }
}
