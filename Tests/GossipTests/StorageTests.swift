import Crypto
import Ledger
import Testing

@testable import Gossip

/// A node whose disk is short of room: what it fetches, what it gives back, and how it goes on.
@Suite struct StorageTests {
    /// Site 0 knows contributions of 1 and 2 and has begun to fetch both: the larger one of 2 has more pieces here.
    private func clusterThatFetches() throws -> (Cluster, small: ContributionDigest, large: ContributionDigest) {
        let cluster = try Cluster(count: 4, payloadPieces: 8)
        cluster.settle()
        // Of the small one 2 pieces pass, of the large one 5.
        var passed: [ContributionDigest: Int] = [:]
        let (small, large) = (
            cluster.contribution(of: 1).contributionDigest, cluster.contribution(of: 2).contributionDigest
        )
        cluster.dropsPiece = { _, to, name in
            guard to == 0 else { return false }
            passed[name.contribution, default: 0] += 1
            return passed[name.contribution]! > (name.contribution == small ? 2 : 5)
        }
        #expect(cluster.contributeOnly(1, 2))
        let node = cluster.sites[0].node
        #expect(node.contributions[small]?.pieces.setCount == 2)
        #expect(node.contributions[large]?.pieces.setCount == 5)
        cluster.dropsPiece = { _, _, _ in false }
        return (cluster, small, large)
    }

    private func wants(_ cluster: Cluster, since count: Int) -> Int {
        cluster.sites[0].sent[count...].count { if case .want = $0.message { true } else { false } }
    }

    @Test func aNodeWithoutRoomGivesTheLargestIncompletePayloadBackFirst() throws {
        let (cluster, small, large) = try clusterThatFetches()
        let reserve = cluster.sites[0].node.reserveBytes
        cluster.feed(.freeSpace(reserve - 1), to: 0)
        cluster.settle()
        #expect(cluster.sites[0].droppedPieces == [large])
        #expect(cluster.sites[0].node.contributions[large]?.pieces.setCount == 0)
        #expect(cluster.sites[0].node.contributions[small]?.pieces.setCount == 2)
        cluster.feed(.freeSpace(0), to: 0)
        cluster.settle()
        #expect(cluster.sites[0].droppedPieces == [large, small])
        #expect(
            cluster.sites[0].notices.contains(.storageShort(freeBytes: 0, reserveBytes: reserve, dropped: 1)))
    }

    @Test func belowTheReserveNothingIsFetchedAndAboveItEverythingIs() throws {
        let (cluster, small, large) = try clusterThatFetches()
        let reserve = cluster.sites[0].node.reserveBytes
        cluster.feed(.freeSpace(reserve / 2), to: 0)
        cluster.settle()
        let before = cluster.sites[0].sent.count
        #expect(!cluster.run(milliseconds: 60_000) { wants(cluster, since: before) > 0 })
        cluster.feed(.freeSpace(reserve + 64 * 1024), to: 0)
        #expect(
            cluster.run {
                [small, large].allSatisfy { cluster.sites[0].node.contributions[$0]?.status == .valid }
                    || cluster.sites[0].node.chain.height > .genesis
            })
        #expect(
            cluster.sites[0].notices.contains(.storageRecovered(freeBytes: reserve + 64 * 1024)))
    }

    /// Requests stop where what is on its way would reach into the reserve.
    @Test func noMorePiecesAreRequestedThanThereIsRoomFor() throws {
        let cluster = try Cluster(count: 4, payloadPieces: 8)
        cluster.settle()
        cluster.feed(.freeSpace(cluster.sites[0].node.reserveBytes + 3 * 1024), to: 0)
        cluster.settle()
        cluster.dropsPiece = { _, to, _ in to == 0 }
        #expect(cluster.contributeOnly(1))
        let requested = cluster.sites[0].sent.reduce(0) { sum, sent in
            if case .want(_, let pieces) = sent.message { sum + pieces.count } else { sum }
        }
        #expect(requested == 3)
    }

    /// An author that announces two contributions for one slot takes room for one, once a certificate settles the slot.
    @Test func aSlotThatACertificateSettlesHoldsOnePayload() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let (first, second) = (cluster.contribution(of: 1, steps: 1), cluster.contribution(of: 1, steps: 2))
        func signed(_ body: Contribution) -> Signed<Contribution> {
            Signed(
                body, signer: body.author, key: cluster.sites[1].identity.nodeKey, network: cluster.genesis.network)
        }
        cluster.dropsPiece = { _, _, _ in true }
        cluster.inject(.contribution(signed(first)), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.contributions[first.contributionDigest] != nil)
        let vote = AvailabilityVote(second)
        var votes: [Int: Signature] = [:]
        for index in 1...3 {
            votes[index] = vote.signature(by: cluster.sites[index].identity.nodeKey, network: cluster.genesis.network)
        }
        cluster.inject(
            .availability(
                AvailabilityCertificate(vote: vote, signatures: QuorumSignatures(votes, memberCount: 4))),
            from: 2, to: 0)
        cluster.inject(.contribution(signed(second)), from: 2, to: 0)
        cluster.settle()
        let node = cluster.sites[0].node
        #expect(node.contributions[first.contributionDigest] == nil)
        #expect(node.contributions[second.contributionDigest] != nil)
        #expect(cluster.sites[0].forgotten == [first.contributionDigest])
    }
}
