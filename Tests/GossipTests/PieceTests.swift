import Crypto
import Ledger
import Testing

@testable import Gossip

struct PieceTests {
    /// What was in flight for a contribution that nobody can list any more must not stand in the way of the next.
    @Test func piecesThatNeverCameDoNotBlockTheLinkForLaterContributions() throws {
        let town = try Town(count: 4, payloadPieces: 8)
        town.dropsPiece = { from, _, _ in from == 0 }
        town.settle()
        town.contribute(0)
        for height in 1...2 {
            for index in 1..<4 { town.contribute(index) }
            #expect(town.run(milliseconds: 5_000) { town.heights.allSatisfy { $0 >= UInt64(height) } })
        }
        town.dropsPiece = { _, _, _ in false }
        for index in 0..<4 { town.contribute(index) }
        #expect(town.run(milliseconds: 5_000) { town.heights.allSatisfy { $0 >= 3 } })
        for index in 0..<4 { #expect(town.sites[index].adopted.last?.version.manifest.count == 4) }
    }

    /// Two that say that they hold everything and send nothing cannot take turns for ever.
    @Test func colludersThatBoastAndSendNothingAreSoonPassedBy() throws {
        let town = try Town(count: 7, payloadPieces: 1)
        town.settle()
        var authorIsSlow = true
        town.dropsPiece = { from, to, _ in from < 2 || (authorIsSlow && to == 5) }
        let digest = town.contribution(of: 6).contributionDigest
        #expect(town.contributeOnly(6))
        for _ in 0..<30 {
            for boaster in 0..<2 { town.inject(.have(digest, pieces: Bitmap(full: 1)), from: boaster, to: 5) }
            _ = town.run(milliseconds: 9_000) { false }
            authorIsSlow = false
        }
        #expect(town.sites[5].node.contributions[digest]?.status == .valid)
    }

    /// It makes nothing, says that it holds everything and sends nothing: after one round it is not asked any more.
    @Test func aMemberThatBoastsDelaysOneRoundOnly() throws {
        let town = try Town(count: 4, payloadPieces: 48)
        town.settle()
        town.pieceMilliseconds = 20
        town.dropsPiece = { from, _, _ in from == 3 }
        func wantsOfBoaster() -> Int {
            (0..<3).reduce(0) { total, site in
                total
                    + town.sites[site].sent.count { sent in
                        if case .want = sent.message { sent.to == 3 } else { false }
                    }
            }
        }
        func round(_ height: UInt64) {
            let digests = (0..<3).map { town.contribution(of: $0).contributionDigest }
            for index in 0..<3 { town.contribute(index) }
            town.settle()
            for digest in digests {
                for other in 0..<3 { town.inject(.have(digest, pieces: Bitmap(full: 48)), from: 3, to: other) }
            }
            #expect(town.run(milliseconds: 60_000) { town.heights.allSatisfy { $0 >= height } })
        }
        round(1)
        let wants = wantsOfBoaster()
        #expect(wants > 0)
        let began = town.now
        round(2)
        #expect(wantsOfBoaster() == wants)
        #expect(town.now.since(began) < Timing().pieceTimeout)
    }

    @Test func aRestartGoesOnWithThePiecesOnDisk() throws {
        let town = try Town(count: 4, payloadPieces: 64)
        town.settle()
        town.dropsPiece = { _, to, name in to == 3 && name.index >= 32 }
        let digest = town.contribution(of: 0).contributionDigest
        #expect(town.contributeOnly(0))
        town.crash(3)
        town.settle()
        town.dropsPiece = { _, _, _ in false }
        try town.restart(3)
        let sentBefore = town.sites[3].sent.count
        #expect(town.run(milliseconds: 30_000) { town.sites[3].node.contributions[digest]?.status == .valid })
        let wanted = town.sites[3].sent[sentBefore...].flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(32..<64))
    }

    /// How many pieces of site 0's contribution site 1 waits for at once at most, until it holds it in time.
    private func mostInFlight(in town: Town, milliseconds: UInt64) -> Int {
        let digest = town.contribution(of: 0).contributionDigest
        #expect(town.contributeOnly(0))
        var most = 0
        let isComplete = town.run(milliseconds: milliseconds) {
            most = max(most, town.sites[1].node.contributions[digest]?.requests.count ?? 0)
            return town.sites[1].node.contributions[digest]?.status == .valid
        }
        #expect(isComplete)
        return most
    }

    /// What waits on a slow line would time out and be sent again; and nobody else can be asked for it meanwhile.
    @Test func aSlowLineIsAskedForNoMoreThanItCarriesSoon() throws {
        let town = try Town(count: 2, payloadPieces: 64)
        town.settle()
        town.pieceMilliseconds = 1000
        let digest = town.contribution(of: 0).contributionDigest
        #expect(mostInFlight(in: town, milliseconds: 80_000) <= 8)
        let wanted = town.sites[1].sent.flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(0..<64))
    }

    /// A line that is fast but far keeps many pieces in flight.
    @Test func aFastLineIsAskedForMore() throws {
        let town = try Town(count: 2, payloadPieces: 256)
        town.settle()
        town.pieceMilliseconds = 10
        #expect(mostInFlight(in: town, milliseconds: 10_000) == LinkTable.windowMaximum)
    }

    @Test func thousandsOfPiecesArriveOnceEach() throws {
        let town = try Town(count: 2, payloadPieces: 3000)
        town.settle()
        let digest = town.contribution(of: 0).contributionDigest
        #expect(town.contributeOnly(0))
        #expect(town.sites[1].node.contributions[digest]?.status == .valid)
        let wanted = town.sites[1].sent.flatMap { sent -> [Int] in
            if case .want(digest, let pieces) = sent.message { pieces } else { [] }
        }
        #expect(wanted.sorted() == Array(0..<3000))
    }

    /// Each answer reads and compresses the piece again: a peer that asks without end is not answered without end.
    @Test func aPieceIsGivenToAPeerAFewTimesOnly() throws {
        let town = try Town(count: 4, payloadPieces: 8)
        town.settle()
        let digest = town.contribution(of: 0).contributionDigest
        town.dropsPiece = { _, to, _ in to > 1 }
        #expect(town.contributeOnly(0))
        var given: [Int: Int] = [:]
        town.dropsPiece = { from, to, _ in
            if from == 0 { given[to, default: 0] += 1 }
            return to > 1
        }
        for _ in 0..<200 { town.inject(.want(digest, pieces: [3, 4]), from: 1, to: 0) }
        town.settle()
        let (greedy, most) = (given[1] ?? 0, LinkTable.givenPerPiece * 8)
        #expect(greedy > 8 && greedy <= most)
        // Another peer still gets all that it asks for.
        town.inject(.want(digest, pieces: Array(0..<8)), from: 2, to: 0)
        town.settle()
        #expect(given[2] ?? 0 >= 8)
    }

    /// A listed contribution that the journal of a restarted site does not name (it had acknowledged another of the
    /// slot) is announced again: it must not be taken for one that no version lists, and its payload thrown away.
    @Test func aListedContributionIsNotForgottenAfterARestart() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(2)
        let own = town.sites[2].identity.member
        town.sites[2].journal.removeAll { entry in
            switch entry {
            case .contribution(let signed): signed.signer != own
            case .stored: true
            default: false
            }
        }
        try town.restart(2)
        town.settle()
        for contribution in town.sites[0].adopted[0].contributions {
            town.inject(.contribution(contribution), from: 0, to: 2)
        }
        #expect(town.reach(4))
        let listed = Set(town.sites[0].adopted.flatMap { $0.version.manifest.map(\.contribution) })
        #expect(listed.isDisjoint(with: town.sites[2].forgotten))
    }
}
