import Crypto
import Ledger
import Testing

@testable import Gossip

/// A node whose disk is short of room: what it fetches, what it gives back, and how it goes on.
@Suite struct StorageTests {
    /// Site 0 knows contributions of 1 and 2 and has begun to fetch both: the larger one of 2 has more pieces here.
    private func townThatFetches() throws -> (Town, small: ContributionDigest, large: ContributionDigest) {
        let town = try Town(count: 4, payloadPieces: 8)
        town.settle()
        // Of the small one 2 pieces pass, of the large one 5.
        var passed: [ContributionDigest: Int] = [:]
        let (small, large) = (town.contribution(of: 1).contributionDigest, town.contribution(of: 2).contributionDigest)
        town.dropsPiece = { _, to, name in
            guard to == 0 else { return false }
            passed[name.contribution, default: 0] += 1
            return passed[name.contribution]! > (name.contribution == small ? 2 : 5)
        }
        #expect(town.contributeOnly(1, 2))
        let node = town.sites[0].node
        #expect(node.contributions[small]?.pieces.setCount == 2)
        #expect(node.contributions[large]?.pieces.setCount == 5)
        town.dropsPiece = { _, _, _ in false }
        return (town, small, large)
    }

    private func wants(_ town: Town, since count: Int) -> Int {
        town.sites[0].sent[count...].count { if case .want = $0.message { true } else { false } }
    }

    @Test func aNodeWithoutRoomGivesTheLargestIncompletePayloadBackFirst() throws {
        let (town, small, large) = try townThatFetches()
        let reserve = town.sites[0].node.reserveBytes
        town.feed(.freeSpace(reserve - 1), to: 0)
        town.settle()
        #expect(town.sites[0].droppedPieces == [large])
        #expect(town.sites[0].node.contributions[large]?.pieces.setCount == 0)
        #expect(town.sites[0].node.contributions[small]?.pieces.setCount == 2)
        town.feed(.freeSpace(0), to: 0)
        town.settle()
        #expect(town.sites[0].droppedPieces == [large, small])
        #expect(
            town.sites[0].notices.contains(.storageShort(freeBytes: 0, reserveBytes: reserve, dropped: 1)))
    }

    @Test func belowTheReserveNothingIsFetchedAndAboveItEverythingIs() throws {
        let (town, small, large) = try townThatFetches()
        let reserve = town.sites[0].node.reserveBytes
        town.feed(.freeSpace(reserve / 2), to: 0)
        town.settle()
        let before = town.sites[0].sent.count
        #expect(!town.run(milliseconds: 60_000) { wants(town, since: before) > 0 })
        town.feed(.freeSpace(reserve + 64 * 1024), to: 0)
        #expect(
            town.run {
                [small, large].allSatisfy { town.sites[0].node.contributions[$0]?.status == .valid }
                    || town.sites[0].node.chain.height > .genesis
            })
        #expect(
            town.sites[0].notices.contains(.storageRecovered(freeBytes: reserve + 64 * 1024)))
    }

    /// Requests stop where what is on its way would reach into the reserve.
    @Test func noMorePiecesAreRequestedThanThereIsRoomFor() throws {
        let town = try Town(count: 4, payloadPieces: 8)
        town.settle()
        town.feed(.freeSpace(town.sites[0].node.reserveBytes + 3 * 1024), to: 0)
        town.settle()
        town.dropsPiece = { _, to, _ in to == 0 }
        #expect(town.contributeOnly(1))
        let requested = town.sites[0].sent.reduce(0) { sum, sent in
            if case .want(_, let pieces) = sent.message { sum + pieces.count } else { sum }
        }
        #expect(requested == 3)
    }

    /// An author that announces two contributions for one slot takes room for one, once a certificate settles the slot.
    @Test func aSlotThatACertificateSettlesHoldsOnePayload() throws {
        let town = try Town(count: 4)
        town.settle()
        let (first, second) = (town.contribution(of: 1, steps: 1), town.contribution(of: 1, steps: 2))
        func signed(_ body: Contribution) -> Signed<Contribution> {
            Signed(
                body, signer: body.author, key: town.sites[1].identity.nodeKey, network: town.genesis.network)
        }
        town.dropsPiece = { _, _, _ in true }
        town.inject(.contribution(signed(first)), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.contributions[first.contributionDigest] != nil)
        let stored = Stored(second)
        var acks: [Int: Signature] = [:]
        for index in 1...3 {
            acks[index] = stored.signature(by: town.sites[index].identity.nodeKey, network: town.genesis.network)
        }
        town.inject(
            .acks(
                AvailabilityCertificate(stored: stored, signatures: QuorumSignatures(acks, memberCount: 4))),
            from: 2, to: 0)
        town.inject(.contribution(signed(second)), from: 2, to: 0)
        town.settle()
        let node = town.sites[0].node
        #expect(node.contributions[first.contributionDigest] == nil)
        #expect(node.contributions[second.contributionDigest] != nil)
        #expect(town.sites[0].forgotten == [first.contributionDigest])
    }
}
