import Crypto
import Testing

@testable import Ledger

@Suite struct EvidenceTests {
    private let world: World
    private let chain: Chain

    init() throws {
        world = try World()
        chain = world.chain
    }

    private func isProof(_ evidence: Evidence) -> Bool {
        evidence.isProof(in: world.genesis.members, network: world.network, verifier: Verifier())
    }

    private func signed<Body: Statement>(_ body: Body, by site: Int = 1) -> Signed<Body> {
        Signed(body, signer: world.sites[site].member.id, key: world.sites[site].nodeKey, network: world.network)
    }

    private func vote(_ kind: VoteKind, view: UInt32 = 1, _ version: UInt8 = 1, by site: Int = 1) -> Signed<Vote> {
        let digest = Digest(bytes: [UInt8](repeating: kind == .nullify ? 0 : version, count: 32))!
        return signed(
            Vote(kind: kind, height: Height(1), view: View(view), version: VersionDigest(digest)), by: site)
    }

    @Test func whatNoHonestMemberSignsIsProof() {
        let base = chain.bases[0]
        let (first, second) = (world.contribution(by: 1, on: base), world.contribution(by: 1, on: base, norm: 2))
        #expect(isProof(.contributions(first, second)))
        #expect(isProof(.stored(signed(Stored(first.body)), signed(Stored(second.body)))))
        let ready = world.ready(by: 1, on: chain, slots: [])
        #expect(isProof(.ready(ready, world.ready(by: 1, on: chain, slots: [first.body.slot]))))
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
        let contribution = world.contribution(by: 1, on: base)
        #expect(!isProof(.contributions(contribution, contribution)))
        #expect(!isProof(.contributions(contribution, world.contribution(by: 2, on: base))))
        #expect(!isProof(.votes(vote(.notarize), vote(.notarize))))
        #expect(!isProof(.votes(vote(.notarize, 1), vote(.finalize, 2))))
        #expect(!isProof(.votes(vote(.notarize), vote(.nullify))))
        #expect(!isProof(.votes(vote(.notarize, view: 1, 1), vote(.notarize, view: 2, 2))))
        let ready = world.ready(by: 1, on: chain, slots: [])
        #expect(!isProof(.ready(ready, ready)))
    }

    @Test func bothMustBeSignedByOneMember() {
        #expect(!isProof(.votes(vote(.notarize, 1, by: 1), vote(.notarize, 2, by: 2))))
        let real = vote(.notarize, 2)
        let forged = Signed(real.body, signer: real.signer, key: world.sites[2].nodeKey, network: world.network)
        #expect(!isProof(.votes(vote(.notarize, 1), forged)))
        let stranger = World.Site(index: 80)
        let foreign = [1, 2].map { (version: UInt8) in
            Signed(
                vote(.notarize, version).body, signer: stranger.member.id, key: stranger.nodeKey, network: world.network
            )
        }
        #expect(!isProof(.votes(foreign[0], foreign[1])))
    }
}

@Suite struct GovernanceTests {
    @Test func onlyCurrentOperatorKeysSignActions() throws {
        let world = try World()
        let action = GovernanceAction(
            change: .remove(world.sites[3].member.id), sequence: 4, first: Height(5), last: Height(9))
        func signature(_ site: World.Site, epoch: UInt32 = 0, key: SigningKey? = nil) -> OperatorSignature {
            OperatorSignature(
                signer: site.member.id, keyEpoch: epoch,
                signature: action.signature(by: key ?? site.operatorKey, network: world.network))
        }
        let signed = SignedGovernanceAction(
            action: action,
            operators: [
                signature(world.sites[2]), signature(world.sites[0]), signature(world.sites[1], epoch: 1),
                signature(world.sites[3], key: world.sites[3].nodeKey), signature(World.Site(index: 90)),
            ])
        #expect(
            signed.signers(in: world.genesis.members, network: world.network)
                == [world.sites[0].member.id, world.sites[2].member.id])
        #expect(signed.signers(in: world.genesis.members, network: NetworkID(.zero)).isEmpty)
    }

    @Test func actionsAreBoundedAndAboutTheirSubject() throws {
        let world = try World()
        let member = world.sites[0].member
        let rotated = Member(
            id: member.id, name: member.name, operatorKey: member.operatorKey, nodeKey: world.sites[1].member.nodeKey,
            linkKey: member.linkKey, keyEpoch: 1)
        #expect(Change.admit(member).subject == member.id)
        #expect(Change.rotate(rotated).subject == member.id)
        #expect(Change.rules(Rules()).subject == nil)
        #expect(throws: RecordError.outOfRange(key: "member")) { try Change(cbor: Change.admit(rotated).cbor) }
        #expect(throws: RecordError.outOfRange(key: "member")) { try Change(cbor: Change.rotate(member).cbor) }
        #expect(throws: RecordError.unknownVariant(key: "kind", value: "crown")) {
            try Change(cbor: .record(["kind": .text("crown"), "member": member.id.cbor]))
        }
        let backwards = CBOR.record([
            "change": Change.remove(member.id).cbor, "sequence": .unsigned(1), "first": .unsigned(5),
            "last": .unsigned(4),
        ])
        #expect(throws: RecordError.outOfRange(key: "last")) { try GovernanceAction(cbor: backwards) }
    }
}
