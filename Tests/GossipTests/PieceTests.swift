import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

struct PieceTests {
    /// What was in flight for a contribution that nobody can list any more must not stand in the way of the next.
    @Test func piecesThatNeverCameDoNotBlockTheLinkForLaterContributions() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 8)
        cluster.dropsPiece = { from, _, _ in from == 0 }
        cluster.settle()
        cluster.contribute(0)
        for height in 1...2 {
            for index in 1..<4 { cluster.contribute(index) }
            #expect(cluster.run(milliseconds: 5_000) { cluster.heights.allSatisfy { $0 >= UInt64(height) } })
        }
        cluster.dropsPiece = { _, _, _ in false }
        for index in 0..<4 { cluster.contribute(index) }
        #expect(cluster.run(milliseconds: 5_000) { cluster.heights.allSatisfy { $0 >= 3 } })
        for index in 0..<4 { #expect(cluster.sites[index].adopted.last?.version.manifest.count == 4) }
    }

    /// Two that say that they hold everything and send nothing cannot take turns for ever.
    @Test func colludersThatOverclaimAndSendNothingAreSoonSkipped() throws {
        let cluster = try Cluster(count: 7, payloadPieces: 1)
        cluster.settle()
        var authorIsSlow = true
        cluster.dropsPiece = { from, to, _ in from < 2 || (authorIsSlow && to == 5) }
        let digest = cluster.contribution(of: 6).contributionDigest
        #expect(cluster.contributeOnly(6))
        for _ in 0..<30 {
            for overclaimer in 0..<2 {
                cluster.inject(.have(digest, pieces: Bitmap(full: 1)), from: overclaimer, to: 5)
            }
            _ = cluster.run(milliseconds: 9_000) { false }
            authorIsSlow = false
        }
        #expect(cluster.sites[5].node.contributions[digest]?.status == .valid)
    }

    /// It makes nothing, says that it holds everything and sends nothing: after one round it is not asked any more.
    @Test func aMemberThatOverclaimsDelaysOneRoundOnly() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 48)
        cluster.settle()
        cluster.pieceMilliseconds = 20
        cluster.dropsPiece = { from, _, _ in from == 3 }
        func wantsSentToOverclaimer() -> Int {
            (0..<3).reduce(0) { total, site in
                total
                    + cluster.sites[site].sent.count { sent in
                        if case .want = sent.message { sent.to == 3 } else { false }
                    }
            }
        }
        func round(_ height: UInt64) {
            let digests = (0..<3).map { cluster.contribution(of: $0).contributionDigest }
            for index in 0..<3 { cluster.contribute(index) }
            cluster.settle()
            for digest in digests {
                for other in 0..<3 { cluster.inject(.have(digest, pieces: Bitmap(full: 48)), from: 3, to: other) }
            }
            #expect(cluster.run(milliseconds: 60_000) { cluster.heights.allSatisfy { $0 >= height } })
        }
        round(1)
        let wants = wantsSentToOverclaimer()
        #expect(wants > 0)
        let began = cluster.now
        round(2)
        #expect(wantsSentToOverclaimer() == wants)
        #expect(cluster.now.since(began) < Timing().pieceTimeout)
    }

    @Test func aPayloadThatNeverComes_doesNotHoldUpItsAuthorsNextOne() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 48)
        cluster.settle()
        let lost = cluster.contribution(of: 0)
        cluster.dropsPiece = { _, _, name in name.contribution == lost.contributionDigest }
        cluster.contributeAll()
        #expect(cluster.run(milliseconds: 5_000) { cluster.heights.allSatisfy { $0 == 1 } })
        cluster.drops = { _, _, message in if case .ready = message { true } else { false } }
        let next = cluster.contribution(of: 0).contributionDigest
        cluster.contributeAll()
        // Until then the requests of the lost one take the places in flight.
        let limit = Timing().pieceTimeout + 5_000
        #expect(cluster.run(milliseconds: limit) { cluster.sites[1].node.contributions[next]?.status == .valid })
    }

    @Test func aRestartGoesOnWithThePiecesOnDisk() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 64)
        cluster.settle()
        cluster.dropsPiece = { _, to, name in to == 3 && name.index >= 32 }
        let digest = cluster.contribution(of: 0).contributionDigest
        #expect(cluster.contributeOnly(0))
        cluster.crash(3)
        cluster.settle()
        cluster.dropsPiece = { _, _, _ in false }
        try cluster.restart(3)
        let sentBefore = cluster.sites[3].sent.count
        #expect(cluster.run(milliseconds: 30_000) { cluster.sites[3].node.contributions[digest]?.status == .valid })
        let wanted = cluster.sites[3].sent[sentBefore...].flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(32..<64))
    }

    /// How many pieces of site 0's contribution site 1 waits for at once at most, until it holds it in time.
    private func mostInFlight(in cluster: Cluster, milliseconds: UInt64) -> Int {
        let digest = cluster.contribution(of: 0).contributionDigest
        #expect(cluster.contributeOnly(0))
        var most = 0
        let isComplete = cluster.run(milliseconds: milliseconds) {
            most = max(most, cluster.sites[1].node.contributions[digest]?.requests.count ?? 0)
            return cluster.sites[1].node.contributions[digest]?.status == .valid
        }
        #expect(isComplete)
        return most
    }

    /// What waits on a slow line would time out and be sent again; and nobody else can be asked for it meanwhile.
    @Test func aSlowLineIsAskedForNoMoreThanItCarriesSoon() throws {
        let cluster = try Cluster(count: 2, payloadPieces: 64)
        cluster.settle()
        cluster.pieceMilliseconds = 1000
        let digest = cluster.contribution(of: 0).contributionDigest
        #expect(mostInFlight(in: cluster, milliseconds: 80_000) <= 8)
        let wanted = cluster.sites[1].sent.flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(0..<64))
    }

    /// A line that is fast but far keeps many pieces in flight.
    @Test func aFastLineIsAskedForMore() throws {
        let cluster = try Cluster(count: 2, payloadPieces: 256)
        cluster.settle()
        cluster.pieceMilliseconds = 10
        #expect(mostInFlight(in: cluster, milliseconds: 10_000) == LinkTable.windowMaximum)
    }

    @Test func thousandsOfPiecesArriveOnceEach() throws {
        let cluster = try Cluster(count: 2, payloadPieces: 3000)
        cluster.settle()
        let digest = cluster.contribution(of: 0).contributionDigest
        #expect(cluster.contributeOnly(0))
        #expect(cluster.sites[1].node.contributions[digest]?.status == .valid)
        let wanted = cluster.sites[1].sent.flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(0..<3000))
    }

    /// Each answer reads and compresses the piece again: a peer that asks without end is not answered without end.
    @Test func aPieceIsGivenToAPeerAFewTimesOnly() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 8)
        cluster.settle()
        let digest = cluster.contribution(of: 0).contributionDigest
        cluster.dropsPiece = { _, to, _ in to > 1 }
        #expect(cluster.contributeOnly(0))
        var given: [Int: Int] = [:]
        cluster.dropsPiece = { from, to, _ in
            if from == 0 { given[to, default: 0] += 1 }
            return to > 1
        }
        for _ in 0..<200 { cluster.inject(.want(digest, pieces: [3, 4]), from: 1, to: 0) }
        cluster.settle()
        let (greedy, most) = (given[1] ?? 0, LinkTable.givenPerPiece * 8)
        #expect(greedy > 8 && greedy <= most)
        // Another peer still gets all that it asks for.
        cluster.inject(.want(digest, pieces: Array(0..<8)), from: 2, to: 0)
        cluster.settle()
        #expect(given[2] ?? 0 >= 8)
    }

    /// A listed contribution that the journal of a restarted site does not name (it had acknowledged another of the
    /// slot) is announced again: it must not be taken for one that no version lists, and its payload thrown away.
    @Test func aListedContributionIsNotForgottenAfterARestart() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(2)
        let own = cluster.sites[2].identity.member
        cluster.sites[2].journal.removeAll { entry in
            switch entry {
            case .contribution(let signed): signed.signer != own
            case .availabilityVote: true
            default: false
            }
        }
        try cluster.restart(2)
        cluster.settle()
        for contribution in cluster.sites[0].adopted[0].contributions {
            cluster.inject(.contribution(contribution), from: 0, to: 2)
        }
        #expect(cluster.reach(4))
        let listed = Set(cluster.sites[0].adopted.flatMap { $0.version.manifest.map(\.contribution) })
        #expect(listed.isDisjoint(with: cluster.sites[2].forgotten))
    }
}
