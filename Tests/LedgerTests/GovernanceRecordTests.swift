import Crypto
import TestKit
import Testing

@testable import Ledger

/// What an action record says, before any chain judges it.
@Suite struct GovernanceRecordTests {
    @Test func onlyCurrentOperatorKeysSignActions() throws {
        let builder = try ChainBuilder()
        let action = GovernanceAction(
            change: .remove(builder.sites[3].member.id), sequence: 4, first: Height(5), last: Height(9))
        func signature(_ site: SiteKeys, epoch: UInt32 = 0, key: SigningKey? = nil) -> OperatorSignature {
            OperatorSignature(
                signer: site.member.id, keyEpoch: epoch,
                signature: action.signature(by: key ?? site.operatorKey, network: builder.network))
        }
        let signed = SignedGovernanceAction(
            action: action,
            operators: [
                signature(builder.sites[2]), signature(builder.sites[0]), signature(builder.sites[1], epoch: 1),
                signature(builder.sites[3], key: builder.sites[3].nodeKey), signature(ChainBuilder.site(90)),
            ])
        #expect(
            signed.signers(in: builder.genesis.members, network: builder.network)
                == [builder.sites[0].member.id, builder.sites[2].member.id])
        #expect(signed.signers(in: builder.genesis.members, network: NetworkID(.zero)).isEmpty)
    }

    @Test func actionsAreBoundedAndAboutTheirSubject() throws {
        let builder = try ChainBuilder()
        let member = builder.sites[0].member
        let rotated = Member(
            id: member.id, name: member.name, operatorKey: member.operatorKey, nodeKey: builder.sites[1].member.nodeKey,
            linkKey: member.linkKey, keyEpoch: 1)
        #expect(Change.admit(member).subject == .member(member.id))
        #expect(Change.rotate(rotated).subject == .member(member.id))
        #expect(Change.rules(Rules()).subject == .rules)
        #expect(throws: RecordError.outOfRange(key: "member")) { try Change(cbor: Change.admit(rotated).cbor) }
        #expect(throws: RecordError.outOfRange(key: "member")) { try Change(cbor: Change.rotate(member).cbor) }
        #expect(throws: RecordError.unknownVariant(key: "kind", value: "crown")) {
            try Change(cbor: .record(["kind": .text("crown"), "member": member.id.cbor]))
        }
        let backwards = CBOR.record([
            "change": Change.remove(member.id).cbor, "sequence": .unsigned(1), "first": .unsigned(5),
            "last": .unsigned(4), "comment": .text(""),
        ])
        #expect(throws: RecordError.outOfRange(key: "last")) { try GovernanceAction(cbor: backwards) }
    }
}
