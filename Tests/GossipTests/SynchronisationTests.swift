import Crypto
import Ledger
import Testing

@testable import Gossip

/// Nodes that are too far behind to replay: they walk the certified versions and fetch one version's parameters.
struct SynchronisationTests {
    /// Four members of which the last was away while the others made `height` versions. Payloads are kept for eight.
    private func townWithOneBehind(_ height: UInt64, joiners: Set<Int> = []) throws -> Town {
        let town = try Town(count: 4, retentionVersions: 8, joiners: joiners)
        town.settle()
        town.crash(3)
        #expect(town.reach(height))
        return town
    }

    private func synchronisedHeights(_ town: Town, _ index: Int) -> [Height] {
        town.sites[index].notices.compactMap { if case .synchronised(let version) = $0 { version.height } else { nil } }
    }

    private func replayedHeights(_ town: Town, _ index: Int) -> [Height] {
        town.sites[index].notices.compactMap {
            if case .adopted(let certified, _) = $0 { certified.height } else { nil }
        }
    }

    @Test func aMemberFarBehindTakesTheParametersOfAPinnedVersion() throws {
        let town = try townWithOneBehind(22)
        try town.restart(3)
        #expect(town.run { town.sites[3].node.chain.headDigest == town.sites[0].node.chain.headDigest })
        // Rule of eight: every fourth version is pinned.
        #expect(synchronisedHeights(town, 3) == [Height(20)])
        let head = town.sites[3].node.chain.height
        #expect(replayedHeights(town, 3).map(\.value) == Array(21...head.value))
        #expect(town.sites[3].adopted.map(\.height.value) == Array(1...head.value))
        #expect(town.sites[3].walked.isEmpty)
        #expect(town.reach(25))
    }

    @Test func aMemberALittleBehindReplays() throws {
        let town = try townWithOneBehind(2)
        try town.restart(3)
        #expect(town.run { town.sites[3].node.chain.headDigest == town.sites[0].node.chain.headDigest })
        #expect(synchronisedHeights(town, 3).isEmpty)
        #expect(replayedHeights(town, 3).prefix(2) == [Height(1), Height(2)])
    }

    @Test func nothingIsSignedOnTheWay() throws {
        let town = try townWithOneBehind(23)
        let before = town.sites[3].journal.count
        try town.restart(3)
        town.dropsPiece = { _, to, _ in to == 3 }
        _ = town.run(milliseconds: 60_000) { false }
        #expect(town.sites[3].walked.count >= 23)
        #expect(town.sites[3].node.chain.height == .genesis)
        #expect(town.sites[3].node.report(now: town.now).phase == .catchingUp)
        #expect(
            town.sites[3].journal[before...].allSatisfy {
                switch $0 {
                case .ready, .vote, .proposal: false
                default: true
                }
            })
    }

    /// Whatever is lost at a crash, what is durable is a chain up to a head whose parameters are here.
    @Test func aCrashAnywhereOnTheWayLosesNothingButTime() throws {
        for crashAfter in stride(from: 0, to: 120, by: 7) {
            let town = try townWithOneBehind(12)
            try town.restart(3)
            var count = 0
            town.settleUntil { _ in
                count += 1
                return count > crashAfter
            }
            town.crash(3)
            let site = town.sites[3]
            #expect(site.adopted.map(\.height.value) == site.adopted.indices.map { UInt64($0) + 1 })
            try town.restart(3)
            #expect(town.run { town.sites[3].node.chain.height >= Height(12) }, "crash after \(crashAfter) messages")
            #expect(town.sites[3].adopted.prefix(12).map(\.height.value) == Array(1...12))
        }
    }

    @Test func blocksOnDiskAreNotFetchedAgain() throws {
        let town = try townWithOneBehind(10)
        let root = try #require(town.sites[0].adopted.first { $0.height == Height(8) }).version.roots.parameters
        var blocks = 0
        town.dropsPiece = { _, to, name in
            guard to == 3, name.contribution.digest == root else { return to == 3 }
            blocks += 1
            return blocks > 2
        }
        try town.restart(3)
        _ = town.run(milliseconds: 5_000) { false }
        let held = try #require(town.sites[3].parameters[root])
        #expect(held.count { $0 } == 2)
        town.crash(3)
        var sent: [Int] = []
        town.dropsPiece = { _, to, name in
            if to == 3, name.contribution.digest == root { sent.append(name.index) }
            return false
        }
        try town.restart(3)
        #expect(town.run { town.sites[3].node.chain.height >= Height(10) })
        #expect(sent.sorted() == held.indices.filter { !held[$0] })
    }

    @Test func aPeerWithBadBlocksIsCutOffAndTheRestComeFromOthers() throws {
        let town = try townWithOneBehind(12)
        town.spoilsBlocks = [1]
        try town.restart(3)
        #expect(town.run { town.sites[3].node.chain.height >= Height(12) })
        let cutOff = town.sites[3].notices.compactMap { notice -> MemberID? in
            if case .linkCutOff(let member, .badPiece) = notice { member } else { nil }
        }
        #expect(Set(cutOff).isSubset(of: [town.sites[1].identity.member]))
    }

    /// Peers drop the parameters of old versions; a joiner whose target is gone moves on to a newer one.
    @Test func aTargetThatPeersDropIsGivenUpForANewerOne() throws {
        let town = try townWithOneBehind(9)
        town.dropsPiece = { _, to, _ in to == 3 }
        try town.restart(3)
        #expect(
            town.run { town.sites[3].notices.contains(.fetchingParameters(Height(8))) })
        let others = { town.sites[..<3].allSatisfy { $0.node.chain.height >= Height(21) } }
        var contributed: [Int: VersionDigest] = [:]
        #expect(
            town.run {
                for index in 0..<3 where contributed[index] != town.sites[index].node.chain.headDigest {
                    contributed[index] = town.sites[index].node.chain.headDigest
                    town.contribute(index)
                }
                town.settle()
                return others()
            })
        town.dropsPiece = { _, _, _ in false }
        #expect(town.run { town.sites[3].node.chain.height >= Height(21) })
        #expect(synchronisedHeights(town, 3).allSatisfy { $0 >= Height(16) })
    }

    @Test func aClaimWithoutCertificatesKeepsNobodyFromReplaying() throws {
        let town = try townWithOneBehind(2)
        town.drops = { from, to, message in
            // Site 0 boasts and gives nothing.
            if from == 0, to == 3, case .summary = message { return true }
            return false
        }
        try town.restart(3)
        town.settle()
        let boast = Summary(
            height: Height(1 << 40), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
            ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: [])
        town.inject(.summary(boast), from: 0, to: 3)
        #expect(town.run { town.sites[3].node.chain.height >= Height(2) })
        #expect(synchronisedHeights(town, 3).isEmpty)
    }

    /// What one of four says of itself alone is not what the mesh has reached.
    @Test func aBoasterChangesNobodysPhase() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let boast = Message.summary(
            Summary(
                height: Height(9), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
        town.inject(boast, from: 0, to: 3)
        town.settle()
        #expect(town.sites[3].node.report(now: town.now).phase == .gathering)
        town.inject(boast, from: 1, to: 3)
        town.settle()
        #expect(town.sites[3].node.report(now: town.now).phase == .catchingUp)
    }

    @Test func aVersionThatDoesNotStandCutsItsSenderOff() throws {
        let town = try townWithOneBehind(12)
        let genuine = try #require(town.sites[0].adopted.first)
        let forged = CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: genuine.embedded.payload, ready: [], availability: genuine.embedded.availability),
            certificate: genuine.certificate, contributions: genuine.contributions)
        try town.restart(3)
        var asked: Int?
        town.drops = { from, to, message in
            if from == 3, asked == nil, case .walk = message {
                asked = to
                return true
            }
            return false
        }
        _ = town.run { asked != nil }
        let liar = try #require(asked)
        for bytes in Wire.walkMessages(of: forged, isLast: true) {
            town.inject(try Message(encoded: bytes), from: liar, to: 3)
        }
        town.settle()
        #expect(
            town.sites[3].notices.contains(.linkCutOff(town.sites[liar].identity.member, .invalidSignature)))
        #expect(town.sites[3].node.report(now: town.now).alarms.isEmpty)
        #expect(town.run { town.sites[3].node.chain.height >= Height(12) })
    }

    @Test func twoChainsStopANodeThatCatchesUp() throws {
        let town = try townWithOneBehind(2)
        let other = try Town(count: 4, retentionVersions: 8)
        // The same keys found the same mesh, and certify something else.
        #expect(other.genesis.network == town.genesis.network)
        other.settle()
        for index in 0..<4 { other.contribute(index, steps: 9) }
        #expect(other.run { other.heights.allSatisfy { $0 >= 1 } })
        #expect(other.reach(6))
        try town.restart(3)
        #expect(town.run { town.sites[3].node.chain.height == town.sites[0].node.chain.height })
        let next = town.sites[3].node.chain.nextHeight
        let foreign = try #require(other.sites[0].adopted.first { $0.height == next })
        #expect(foreign.version.parent != town.sites[3].node.chain.headDigest)
        town.sites[3].node.synchronisation.request = WalkRequest(
            link: town.linkID(3, 0), member: town.sites[0].identity.member, asked: town.now)
        for bytes in Wire.walkMessages(of: foreign, isLast: true) {
            town.inject(try Message(encoded: bytes), from: 0, to: 3)
        }
        town.settle()
        #expect(town.sites[3].node.report(now: town.now).alarms == [.conflictingCertificates(next)])
    }
}
