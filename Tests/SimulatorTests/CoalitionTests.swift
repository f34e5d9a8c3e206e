import Crypto
import Ledger
import Testing

@testable import Simulator

@Suite("What the Byzantine members know")
struct CoalitionTests {
    /// With nine members a bitmap has two bytes, with eight it has one.
    @Test func certificateOfTheOldSetIsNotTakenForOneOfTheNew() throws {
        var random = SeededRandom(simulationSeed: 3)
        let founding = Founding(members: 9, random: &random)
        var coalition = Coalition(founding, (0..<9).map { $0 == 0 ? [.equivocatesProposals] : [] })
        let slot = Slot(author: founding.identities[1].member, base: founding.genesis.version.versionDigest)
        let vote = AvailabilityVote(slot: slot, baseHeight: .genesis, contribution: ContributionDigest(.zero))
        var signatures: [Int: Signature] = [:]
        for position in 2..<9 {
            let identity = founding.identities[position]
            signatures[position] =
                Signed(
                    vote, signer: identity.member, key: identity.nodeKey, network: founding.genesis.network
                ).signature
        }
        let certificate = AvailabilityCertificate(
            vote: vote, signatures: QuorumSignatures(signatures, memberCount: 9))

        coalition.heard(RecordScan(certificate.cbor))
        #expect(coalition.availabilityVotes[vote]?.keys.max() == 8)

        coalition.follow(try MemberSet(members: Array(founding.genesis.members.members.dropLast()), tombstones: []))
        coalition.heard(RecordScan(certificate.cbor))
        #expect(coalition.availabilityVotes[vote] == nil)
    }
}
