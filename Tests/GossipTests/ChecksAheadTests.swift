import Crypto
import Ledger
import Testing

@testable import Gossip

/// Signatures that the shell checks on other threads before the node handles a message.
@Suite struct ChecksAheadTests {
    @Test func node_whoseSignaturesAreCheckedAhead_computesFewAndDecidesTheSame() throws {
        let (plain, ahead) = (try Cluster(count: 4), try Cluster(count: 4, checksAhead: true))
        #expect(plain.reach(4))
        #expect(ahead.reach(4))
        for (left, right) in zip(plain.sites, ahead.sites) {
            #expect(left.node.chain.head == right.node.chain.head)
            #expect(right.checkedAhead > 40)
            #expect(right.node.signaturesComputed * 20 < right.checkedAhead)
        }
    }

    @Test func forgedRecord_checkedAhead_isChargedAndNotComputedAgain() throws {
        let cluster = try Cluster(count: 4, checksAhead: true)
        cluster.settle()
        let (own, other) = (cluster.sites[1].identity, cluster.sites[2].identity)
        let before = cluster.sites[0].node.signaturesComputed
        for sequence in 1...CheckBudgets.limit(memberCount: 4) + 1 {
            let record = AddressRecord(
                member: other.member, addresses: ["127.0.0.1:1"], sequence: 1_000 + UInt64(sequence))
            let signed = Signed(record, signer: other.member, key: own.nodeKey, network: cluster.genesis.network)
            cluster.inject(.address(signed), from: 1, to: 0)
        }
        cluster.settle()
        #expect(cluster.sites[0].notices.contains(.linkCutOff(own.member, .tooManyFailedChecks)))
        #expect(cluster.sites[0].node.signaturesComputed == before)
    }

    /// A node that syncs headers audits whole versions: their signatures are most of the work.
    @Test func headers_areCheckedAhead() throws {
        let cluster = try Cluster(count: 4, checksAhead: true)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(6))
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.chain.height.value >= 6 })
        let site = cluster.sites[3]
        #expect(site.node.signaturesComputed * 20 < site.checkedAhead)
    }

    @Test func bytes_thatAreNoMessage_haveNoChecks() throws {
        let cluster = try Cluster(count: 4, checksAhead: true)
        cluster.settle()
        #expect(cluster.sites[0].node.signatureChecks(in: []).isEmpty)
        #expect(cluster.sites[0].node.signatureChecks(in: [0x82, 0x18, 0xff, 0xf6]).isEmpty)
    }
}
