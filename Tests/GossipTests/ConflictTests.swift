import Crypto
import Ledger
import Testing

@testable import Gossip

/// Two certificates of one height: more than f members broke the protocol.
struct ConflictTests {
    private let town: Town

    init() throws {
        town = try Town(count: 4)
        town.settle()
    }

    private func certificate(of number: UInt8, height: UInt64, by signers: [Int]) -> VoteCertificate {
        let version = VersionDigest(Digest(DigestDomain("test/conflict"), [number]))
        return town.votes(
            Vote(kind: .finalize, height: Height(height), view: View(7), version: version), by: signers)
    }

    private func alarms(_ site: Int) -> [Alarm] { town.sites[site].node.alarms }

    /// The double signers still hold the keys that signed: nothing that this chain certifies means anything.
    @Test func aSecondCertificateOfAnAdoptedHeightByCurrentKeysStops() throws {
        #expect(town.reach(3))
        let head = town.sites[0].node.chain.headDigest
        town.inject(.votes(certificate(of: 1, height: 1, by: [1, 2, 3])), from: 1, to: 0)
        town.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))])
        #expect(town.sites[0].node.isStopped)
        #expect(town.sites[0].node.chain.headDigest == head, "it keeps its chain")
        town.crash(0)
        try town.restart(0)
        town.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))], "a restart does not make it forget")
        #expect(town.sites[0].notices.count { $0 == .alarm(.conflictingCertificates(Height(1))) } == 2)
    }

    @Test func lessThanAQuorumOrTheSameVersionIsNoConflict() throws {
        #expect(town.reach(2))
        town.inject(.votes(certificate(of: 1, height: 1, by: [2, 3])), from: 1, to: 0)
        let own = try #require(town.sites[0].adopted.first).certificate
        town.inject(.votes(town.votes(own.vote, by: [0, 1, 2])), from: 1, to: 0)
        town.settle()
        #expect(alarms(0).isEmpty)
    }

    @Test func aForgedCertificateOfAnAdoptedHeightCutsItsSenderOff() {
        #expect(town.reach(2))
        let real = certificate(of: 1, height: 1, by: [1, 2, 3])
        let vote = Vote(
            kind: .finalize, height: real.vote.height, view: View(8), version: real.vote.version)
        let forged = VoteCertificate(network: real.network, vote: vote, signatures: real.signatures)
        town.inject(.votes(forged), from: 2, to: 0)
        town.settle()
        #expect(alarms(0).isEmpty)
        #expect(
            town.sites[0].notices.contains(.linkCutOff(town.sites[2].identity.member, .invalidSignature)))
    }

    /// Whoever has not adopted the height cannot know which of the two is right.
    @Test func twoCertificatesOfTheNextHeightStopWhoeverCatchesUp() throws {
        town.inject(.votes(certificate(of: 1, height: 1, by: [1, 2, 3])), from: 1, to: 0)
        town.settle()
        #expect(alarms(0).isEmpty)
        town.inject(.votes(certificate(of: 2, height: 1, by: [1, 2, 3])), from: 2, to: 0)
        town.settle()
        #expect(alarms(0) == [.conflictingCertificates(Height(1))])
        // The members that finalized both in one view are named too.
        let accused = town.sites[0].journal.compactMap { entry -> MemberID? in
            if case .evidence(let evidence) = entry { evidence.accused } else { nil }
        }
        #expect(Set(accused) == Set([1, 2, 3].map { town.sites[$0].identity.member }))
        town.crash(0)
        try town.restart(0)
        town.settle()
        #expect(town.sites[0].node.isStopped)
    }
}
