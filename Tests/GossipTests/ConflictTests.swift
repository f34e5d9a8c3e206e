import Crypto
import Ledger
import Testing

@testable import Gossip

/// Two certificates of one height: more than f members broke the protocol.
struct ConflictTests {
    private let cluster: Cluster

    init() throws {
        cluster = try Cluster(count: 4)
        cluster.settle()
    }

    private func certificate(of number: UInt8, height: UInt64, by signers: [Int]) -> VoteCertificate {
        let version = VersionDigest(Digest(DigestDomain("test/conflict"), [number]))
        return cluster.votes(
            Vote(kind: .finalize, height: Height(height), view: View(7), version: version), by: signers)
    }

    private func alarms(_ site: Int) -> [Alarm] { cluster.sites[site].node.alarms }

    /// The double signers still hold the keys that signed: nothing that this chain certifies means anything.
    @Test func aSecondCertificateOfAnAdoptedHeightByCurrentKeysStops() throws {
        #expect(cluster.reach(3))
        let head = cluster.sites[0].node.chain.headDigest
        cluster.inject(.votes(certificate(of: 1, height: 1, by: [1, 2, 3])), from: 1, to: 0)
        cluster.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))])
        #expect(cluster.sites[0].node.isStopped)
        #expect(cluster.sites[0].node.chain.headDigest == head, "it keeps its chain")
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))], "a restart does not make it forget")
        #expect(cluster.sites[0].notices.count { $0 == .alarm(.conflictingCertificates(Height(1))) } == 2)
    }

    @Test func lessThanAQuorumOrTheSameVersionIsNoConflict() throws {
        #expect(cluster.reach(2))
        cluster.inject(.votes(certificate(of: 1, height: 1, by: [2, 3])), from: 1, to: 0)
        let own = try #require(cluster.sites[0].adopted.first).certificate
        cluster.inject(.votes(cluster.votes(own.vote, by: [0, 1, 2])), from: 1, to: 0)
        cluster.settle()
        #expect(alarms(0).isEmpty)
    }

    @Test func aForgedCertificateOfAnAdoptedHeightCutsItsSenderOff() {
        #expect(cluster.reach(2))
        let real = certificate(of: 1, height: 1, by: [1, 2, 3])
        let vote = Vote(
            kind: .finalize, height: real.vote.height, view: View(8), version: real.vote.version)
        let forged = VoteCertificate(network: real.network, vote: vote, signatures: real.signatures)
        cluster.inject(.votes(forged), from: 2, to: 0)
        cluster.settle()
        #expect(alarms(0).isEmpty)
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[2].identity.member, .invalidSignature)))
    }

    /// Whoever has not adopted the height cannot know which of the two is right.
    @Test func twoCertificatesOfTheNextHeightStopWhoeverCatchesUp() throws {
        cluster.inject(.votes(certificate(of: 1, height: 1, by: [1, 2, 3])), from: 1, to: 0)
        cluster.settle()
        #expect(alarms(0).isEmpty)
        cluster.inject(.votes(certificate(of: 2, height: 1, by: [1, 2, 3])), from: 2, to: 0)
        cluster.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))])
        // The members that finalized both in one view are named too.
        let accused = cluster.sites[0].journal.compactMap { entry -> MemberID? in
            if case .evidence(let evidence) = entry { evidence.accused } else { nil }
        }
        #expect(Set(accused) == Set([1, 2, 3].map { cluster.sites[$0].identity.member }))
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        #expect(cluster.sites[0].node.isStopped)
    }
}
