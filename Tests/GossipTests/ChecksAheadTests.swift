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
        #expect(cluster.sites[0].node.signatureChecks(in: [], from: LinkID(1)).isEmpty)
        #expect(cluster.sites[0].node.signatureChecks(in: [0x82, 0x18, 0xff, 0xf6], from: LinkID(1)).isEmpty)
    }

    /// What the node drops before it checks would be charged to no link, so nothing is checked ahead either.
    @Test func signatures_thatTheNodeWouldNotCheck_areNotCheckedAhead() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        let (node, link) = (cluster.sites[0].node, cluster.linkID(0, 1))
        let (own, network) = (cluster.sites[1].identity, cluster.genesis.network)
        func checks(_ message: Message) -> Int { node.signatureChecks(in: message.encoded, from: link).count }

        // A certified version that this node did not ask for.
        for bytes in Wire.headerMessages(of: try #require(cluster.sites[1].adopted.last), isLast: true) {
            #expect(node.signatureChecks(in: bytes, from: link).isEmpty)
        }
        // A report to another start of this node, and one to a member that does not start.
        for member in [cluster.sites[0].identity.member, cluster.sites[2].identity.member] {
            var random = SeededRandom(simulationSeed: 99)
            let report = StartReport(
                member: member, instance: InstanceID(random: &random), standing: .settled, height: .genesis,
                certificate: nil, hasDuplicateInstance: false, statements: [])
            #expect(checks(.report(Signed(report, signer: own.member, key: own.nodeKey, network: network))) == 0)
        }
        // An address under another member's name.
        let record = AddressRecord(member: cluster.sites[2].identity.member, addresses: [], sequence: 1_000)
        #expect(checks(.address(Signed(record, signer: own.member, key: own.nodeKey, network: network))) == 0)
        let good = AddressRecord(member: own.member, addresses: [], sequence: 1_000)
        #expect(checks(.address(Signed(good, signer: own.member, key: own.nodeKey, network: network))) == 1)
    }
}
