import Crypto
import Testing

@testable import Ledger

@Suite struct EvidenceTests {
    private let builder: ChainBuilder
    private let chain: Chain

    init() throws {
        builder = try ChainBuilder()
        chain = builder.chain
    }

    private func isProof(_ evidence: Evidence) -> Bool {
        evidence.isProof(in: builder.genesis.members, network: builder.network, verifier: Verifier())
    }

    private func signed<Body: Statement>(_ body: Body, by site: Int = 1) -> Signed<Body> {
        Signed(body, signer: builder.sites[site].member.id, key: builder.sites[site].nodeKey, network: builder.network)
    }

    private func vote(_ kind: VoteKind, view: UInt32 = 1, _ version: UInt8 = 1, by site: Int = 1) -> Signed<Vote> {
        let digest = Digest(bytes: [UInt8](repeating: kind == .nullify ? 0 : version, count: 32))!
        return signed(
            Vote(kind: kind, height: Height(1), view: View(view), version: VersionDigest(digest)), by: site)
    }

    @Test func whatNoHonestMemberSignsIsProof() {
        let base = chain.bases[0]
        let (first, second) = (builder.contribution(by: 1, on: base), builder.contribution(by: 1, on: base, norm: 2))
        #expect(isProof(.contributions(first, second)))
        #expect(isProof(.availabilityVote(signed(AvailabilityVote(first.body)), signed(AvailabilityVote(second.body)))))
        let ready = builder.ready(by: 1, on: chain, slots: [])
        #expect(isProof(.ready(ready, builder.ready(by: 1, on: chain, slots: [first.body.slot]))))
        let proposal = Proposal(height: Height(1), view: View(2), version: chain.headDigest, reproposed: .none)
        let again = Proposal(height: Height(1), view: View(2), version: chain.headDigest, reproposed: View(1))
        #expect(isProof(.proposals(signed(proposal), signed(again))))
        #expect(isProof(.votes(vote(.notarize, 1), vote(.notarize, 2))))
        #expect(isProof(.votes(vote(.finalize, 1), vote(.finalize, 2))))
        #expect(isProof(.votes(vote(.nullify), vote(.finalize))))
        #expect(isProof(.votes(vote(.finalize), vote(.nullify))))
    }

    @Test func whatHonestMembersSignIsNone() {
        let base = chain.bases[0]
        let contribution = builder.contribution(by: 1, on: base)
        #expect(!isProof(.contributions(contribution, contribution)))
        #expect(!isProof(.contributions(contribution, builder.contribution(by: 2, on: base))))
        #expect(!isProof(.votes(vote(.notarize), vote(.notarize))))
        #expect(!isProof(.votes(vote(.notarize, 1), vote(.finalize, 2))))
        #expect(!isProof(.votes(vote(.notarize), vote(.nullify))))
        #expect(!isProof(.votes(vote(.notarize, view: 1, 1), vote(.notarize, view: 2, 2))))
        let ready = builder.ready(by: 1, on: chain, slots: [])
        #expect(!isProof(.ready(ready, ready)))
    }

    /// One member, kind and place has one name, whichever two statements show it.
    @Test func aNameTellsWhoWhatAndWhere() {
        let name = Evidence.votes(vote(.notarize, 1), vote(.notarize, 2)).name
        #expect(Evidence.votes(vote(.finalize, 3), vote(.nullify)).name == name)
        #expect(Evidence.votes(vote(.notarize, view: 2, 1), vote(.notarize, view: 2, 2)).name != name)
        #expect(Evidence.votes(vote(.notarize, 1, by: 2), vote(.notarize, 2, by: 2)).name != name)
        let proposals = [UInt8(1), 2].map { number in
            signed(
                Proposal(
                    height: Height(1), view: .first,
                    version: VersionDigest(Digest(bytes: [UInt8](repeating: number, count: 32))!), reproposed: .none))
        }
        #expect(Evidence.proposals(proposals[0], proposals[1]).name != name)
    }

    /// One set judges both statements of a slot, so both must say the same of their base.
    @Test func inASlotBothNameOneHeightOfTheBase() {
        let base = chain.bases[0]
        let first = AvailabilityVote(builder.contribution(by: 1, on: base).body)
        let second = AvailabilityVote(builder.contribution(by: 1, on: base, norm: 2).body)
        let lied = AvailabilityVote(slot: second.slot, baseHeight: Height(7), contribution: second.contribution)
        #expect(isProof(.availabilityVote(signed(first), signed(second))))
        #expect(!isProof(.availabilityVote(signed(first), signed(lied))))
    }

    @Test func everyKindHasItsMembersHeight() {
        let base = chain.bases[0]
        let contribution = builder.contribution(by: 1, on: base)
        #expect(Evidence.contributions(contribution, contribution).memberHeight == base.height.next)
        #expect(Evidence.votes(vote(.notarize), vote(.nullify)).memberHeight == Height(1))
        #expect(Evidence.contributions(contribution, contribution).accused == builder.sites[1].member.id)
    }

    @Test func bothMustBeSignedByOneMember() {
        #expect(!isProof(.votes(vote(.notarize, 1, by: 1), vote(.notarize, 2, by: 2))))
        let real = vote(.notarize, 2)
        let forged = Signed(real.body, signer: real.signer, key: builder.sites[2].nodeKey, network: builder.network)
        #expect(!isProof(.votes(vote(.notarize, 1), forged)))
        let stranger = ChainBuilder.site(80)
        let foreign = [1, 2].map { (version: UInt8) in
            Signed(
                vote(.notarize, version).body, signer: stranger.member.id, key: stranger.nodeKey,
                network: builder.network
            )
        }
        #expect(!isProof(.votes(foreign[0], foreign[1])))
    }
}
