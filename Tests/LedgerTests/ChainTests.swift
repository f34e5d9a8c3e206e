import Crypto
import Testing

@testable import Ledger

/// A payload is judged by the chain and by what it embeds: each fault is raised by its own cause.
@Suite struct ChainTests {
    private let builder: ChainBuilder
    private let chain: Chain
    private let draft: Draft

    init() throws {
        builder = try ChainBuilder()
        chain = builder.chain
        draft = builder.firstDraft()
    }

    private func fault(_ draft: Draft, on chain: Chain? = nil) -> PayloadFault? {
        let embedded = draft.embedded
        do {
            try (chain ?? self.chain).validate(embedded, verifier: Verifier())
            try (chain ?? self.chain).checkWeights(draft.manifest, draft.contributions.map(\.body))
            return nil
        } catch { return error }
    }

    @Test func ofTooManySlotsThoseWithTheNewestBasesAreNamed() throws {
        let next = try chain.advanced(by: draft.embedded)
        let members = chain.members.members
        let old = members.map { Slot(author: $0.id, base: chain.headDigest) }
        let new = members.map { Slot(author: $0.id, base: next.headDigest) }
        let slots = (old + new).sorted()
        #expect(next.newest(slots, limit: slots.count) == slots)
        #expect(next.newest(slots, limit: new.count) == new.sorted())
        #expect(next.newest(slots, limit: new.count + 1) == (new + [old[0]]).sorted())
    }

    @Test func correctPayloadPasses() {
        #expect(fault(draft) == nil)
        #expect(fault(builder.draft(on: chain, listing: [])) == nil)
    }

    @Test func whatDoesNotContinueTheChainIsNamed() {
        var other = draft
        other.network = NetworkID(.zero)
        #expect(fault(other) == .wrongNetwork)
        other = draft
        other.height = Height(2)
        #expect(fault(other) == .wrongHeight(Height(2)))
        other = draft
        other.parent = VersionDigest(.zero)
        #expect(fault(other) == .wrongParent(VersionDigest(.zero)))
        other = draft
        other.action = .zero
        #expect(fault(other) == .wrongAction(expected: nil, carried: .zero))
        other = draft
        other.rules = .zero
        #expect(fault(other) == .wrongRules)
        other = draft
        other.members = .zero
        #expect(fault(other) == .wrongMembers)
        other = draft
        other.roots = StateRoots(parameters: draft.roots.parameters, outer: chain.headDigest.digest)
        #expect(fault(other) == .wrongOuterRoot)
    }

    @Test func versionMustNameItsSupport() throws {
        let version = draft.version
        let payload = Payload(version: version, support: Support(ready: []))
        let embedded = EmbeddedPayload(payload: payload, ready: [], availability: draft.availability)
        #expect(throws: PayloadFault.wrongSupport) { try chain.validate(embedded, verifier: Verifier()) }
    }

    @Test func readyRecordsMustBeAQuorumOfThisHeight() {
        var other = draft
        other.ready.removeLast()
        #expect(fault(other) == .tooFewReady(count: 2, quorum: 3))
        other = draft
        other.ready.append(builder.ready(by: 3, on: chain, slots: []))
        #expect(fault(other) == .tooFewReady(count: 4, quorum: 3))

        let slots = draft.manifest.map(\.slot)
        let body = Ready(height: chain.nextHeight.next, parent: chain.headDigest, slots: slots)
        let early = Signed(
            body, signer: builder.sites[0].member.id, key: builder.sites[0].nodeKey, network: builder.network)
        let elsewhere = Signed(
            Ready(height: chain.nextHeight, parent: VersionDigest(.zero), slots: slots),
            signer: builder.sites[0].member.id, key: builder.sites[0].nodeKey, network: builder.network)
        let forged = Signed(
            draft.ready[0].body, signer: builder.sites[3].member.id, key: builder.sites[2].nodeKey,
            network: builder.network)
        let stranger = ChainBuilder.site(70)
        let foreign = Signed(
            draft.ready[0].body, signer: stranger.member.id, key: stranger.nodeKey, network: builder.network)
        for record in [early, elsewhere, forged, foreign] {
            other = draft
            other.ready[0] = record
            #expect(fault(other) == .foreignReady(record.objectDigest))
        }
    }

    /// A version keeps the record for ever: a member could otherwise add 64 KiB of slots that nobody has to each of
    /// them.
    @Test func aReadyRecordWithASlotThatDoesNotExistIsNotEmbedded() {
        let slots = draft.manifest.map(\.slot)
        let stranger = ChainBuilder.site(70).member.id
        for slot in [
            Slot(author: stranger, base: chain.headDigest), Slot(author: slots[0].author, base: VersionDigest(.zero)),
        ] {
            var other = draft
            other.ready[0] = builder.ready(by: 0, on: chain, slots: slots + [slot])
            #expect(fault(other) == .foreignReady(other.ready[0].objectDigest))
        }
    }

    @Test func oneMembersReadyRecordsCountOnce() {
        var other = draft
        let slots = Array(draft.manifest.map(\.slot).dropLast())
        let signer = other.ready[0].signer
        let index = builder.genesis.members.index(of: signer)!
        other.ready[1] = builder.ready(by: index, on: chain, slots: slots)
        #expect(fault(other) == .repeatedReadySigner(signer))
    }

    @Test func aSlotThatEnoughMembersNameCannotBeLeftOut() {
        var other = draft
        let listed = draft.manifest.map(\.slot)
        other.manifest.remove(at: 1)
        other.availability.remove(at: 1)
        #expect(fault(other) == .inclusion(expected: listed, listed: [listed[0], listed[2]]))
    }

    @Test func aSlotThatOnlyOneMemberNamesIsNotListed() {
        // f + 1 = 2: a slot in one record of three is left out, one in two is listed.
        let contributions = [0, 1].map { builder.contribution(by: $0, on: chain.bases[0]) }
        let slots = contributions.map(\.body.slot)
        var other = builder.draft(on: chain, listing: [contributions[0]])
        other.ready = [
            builder.ready(by: 0, on: chain, slots: [slots[0]]), builder.ready(by: 1, on: chain, slots: slots),
            builder.ready(by: 2, on: chain, slots: []),
        ]
        #expect(fault(other) == nil)
        other.ready[2] = builder.ready(by: 2, on: chain, slots: [slots[1]])
        #expect(fault(other) == .inclusion(expected: slots.sorted(), listed: [slots[0]]))
    }

    @Test func certificatesMustBelongToTheirEntries() {
        let slots = draft.manifest.map(\.slot)
        var other = draft
        other.availability.swapAt(0, 1)
        #expect(fault(other) == .foreignCertificate(slots[0]))

        other = draft
        let another = builder.contribution(by: 0, on: chain.bases[0], norm: 1)
        let certificate = builder.availability(another.body)
        other.availability[0] = certificate
        #expect(fault(other) == .foreignCertificate(slots[0]))

        other = draft
        let entry = other.manifest[0]
        other.manifest[0] = ManifestEntry(
            slot: entry.slot, baseHeight: Height(1), contribution: entry.contribution, availability: entry.availability,
            weightQ30: entry.weightQ30)
        #expect(fault(other) == .foreignCertificate(slots[0]))
    }

    @Test func certificatesNeedAQuorumOfValidAcks() {
        let slots = draft.manifest.map(\.slot)
        var other = draft
        let weak = builder.availability(draft.contributions[0].body, by: [0, 1])
        other.availability[0] = weak
        let entry = other.manifest[0]
        other.manifest[0] = ManifestEntry(
            slot: entry.slot, baseHeight: entry.baseHeight, contribution: entry.contribution,
            availability: weak.digest, weightQ30: entry.weightQ30)
        #expect(fault(other) == .invalidCertificate(slots[0]))
    }

    @Test func weightsAreRecomputed() {
        var other = draft
        let entry = other.manifest[2]
        other.manifest[2] = ManifestEntry(
            slot: entry.slot, baseHeight: entry.baseHeight, contribution: entry.contribution,
            availability: entry.availability, weightQ30: entry.weightQ30 - 1)
        #expect(fault(other) == .wrongWeight(entry.slot))
    }
}

@Suite struct StalenessTests {
    private func advanced(_ builder: ChainBuilder, _ chain: Chain, listing: [Signed<Contribution>] = []) throws -> Chain
    {
        try chain.advanced(by: builder.draft(on: chain, listing: listing).embedded)
    }

    @Test func oneVersionLateWeighsHalfAndTwoLateNothingIsTaken() throws {
        let builder = try ChainBuilder()
        let first = builder.chain
        let late = builder.contribution(by: 2, on: first.bases[0])
        let second = try advanced(builder, first)
        let timely = builder.contribution(by: 0, on: second.bases[1]).body
        #expect(second.weightsQ30(of: [late.body, timely]) == [UInt64(Rules.oneQ30 / 2), UInt64(Rules.oneQ30)])
        #expect(second.isEligible(late.body.slot))
        let draft = builder.draft(on: second, listing: [late, builder.contribution(by: 0, on: second.bases[1])])
        let embedded = draft.embedded
        #expect(throws: Never.self) {
            try second.validate(embedded, verifier: Verifier())
        }
        #expect(draft.manifest.map(\.weightQ30).sorted() == [UInt64(Rules.oneQ30 / 2), UInt64(Rules.oneQ30)])
        let third = try advanced(builder, second)
        #expect(!third.isEligible(late.body.slot))
        #expect(third.bases.map(\.height) == [Height(1), Height(2)])
    }

    @Test func discountsMultiply() throws {
        var rules = Rules()
        rules.maxStaleness = 3
        rules.stalenessDiscountQ30 = Rules.oneQ30 / 4 * 3
        let builder = try ChainBuilder(rules: rules)
        var chain = builder.chain
        for _ in 0..<3 { chain = try advanced(builder, chain) }
        #expect(chain.bases.count == 4)
        let one = UInt64(Rules.oneQ30)
        for late in 0...3 {
            var expected = one
            for _ in 0..<late { expected = expected * 3 / 4 }
            let contribution = builder.contribution(by: 0, on: chain.bases[3 - late]).body
            #expect(chain.weightsQ30(of: [contribution]) == [expected])
        }
    }

    @Test func aVersionThatListsNothingDoesNotAdvanceTraining() throws {
        let builder = try ChainBuilder()
        let first = try advanced(
            builder, builder.chain, listing: [builder.contribution(by: 0, on: builder.chain.bases[0])])
        #expect(first.trainedSteps == 10)
        let second = try advanced(builder, first)
        #expect(second.height == Height(2))
        #expect(second.trainedSteps == 10)
        let third = try advanced(builder, second, listing: [builder.contribution(by: 1, on: second.bases[1])])
        #expect(third.trainedSteps == 20)
    }

    @Test func aChangeOfTheStepsMovesTheScheduleForwardsOnly() throws {
        let builder = try ChainBuilder()
        var chain = try advanced(
            builder, builder.chain, listing: [builder.contribution(by: 0, on: builder.chain.bases[0])])
        var rules = chain.rules
        rules.innerSteps = 3
        let complete = try builder.complete(.rules(rules), on: chain, signedBy: [0, 1, 2])
        chain = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(chain.rules.innerSteps == 3 && chain.trainedSteps == 10)
        chain = try advanced(builder, chain, listing: [builder.contribution(by: 1, on: chain.bases.last!)])
        #expect(chain.trainedSteps == 13)
    }

    @Test func theShareOfOneMemberIsCappedAndTheRestIsHandedToNobody() throws {
        var rules = Rules()
        rules.nodeWeightMaximumQ30 = Rules.oneQ30 / 4
        let builder = try ChainBuilder(rules: rules)
        let one = UInt64(Rules.oneQ30)
        let all = (0..<4).map { builder.contribution(by: $0, on: builder.chain.bases[0]).body }
        #expect(builder.chain.weightsQ30(of: all) == [one, one, one, one])
        // Two of four: each counts for a quarter still, not for a half.
        #expect(builder.chain.weightsQ30(of: Array(all[..<2])) == [one / 2, one / 2])
    }

    @Test func byTokensTheLargestShareIsCut() throws {
        var rules = Rules()
        rules.weights = .tokens
        rules.nodeWeightMaximumQ30 = Rules.oneQ30 / 2
        let builder = try ChainBuilder(rules: rules)
        let one = UInt64(Rules.oneQ30)
        let tokens: [UInt64] = [70, 10, 10, 10]
        let all = tokens.enumerated().map { builder.contribution(by: $0, on: builder.chain.bases[0], tokens: $1).body }
        // Shares of 0.7 and 0.1, in fourths: the first is cut to 0.5, the others gain nothing by that.
        #expect(builder.chain.weightsQ30(of: all) == [2 * one, one * 4 / 10, one * 4 / 10, one * 4 / 10])
        let huge = all.map { _ in builder.contribution(by: 0, on: builder.chain.bases[0], tokens: .max).body }
        #expect(builder.chain.weightsQ30(of: huge) == [one, one, one, one])
        let none = [builder.contribution(by: 0, on: builder.chain.bases[0], tokens: 0).body]
        #expect(builder.chain.weightsQ30(of: none) == [0])
    }

    @Test func aSlotIsListedOnce() throws {
        let builder = try ChainBuilder()
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0])
        let chain = try advanced(builder, builder.chain, listing: [contribution])
        #expect(chain.listed == [contribution.body.slot: contribution.body.contributionDigest])
        #expect(!chain.isEligible(contribution.body.slot))
        let again = builder.ready(by: 0, on: chain, slots: [contribution.body.slot]).body
        #expect(chain.slotsToList(by: [again, again, again]).isEmpty)
        // Once its base has gone, the slot is forgotten: nothing could name it any more.
        let later = try advanced(builder, try advanced(builder, chain))
        #expect(later.listed.isEmpty)
    }

    @Test func theNewestBaseOfAnAuthorWins() throws {
        let builder = try ChainBuilder()
        let old = builder.contribution(by: 1, on: builder.chain.bases[0])
        let chain = try advanced(builder, builder.chain)
        let new = builder.contribution(by: 1, on: chain.bases[1])
        let ready = builder.ready(by: 0, on: chain, slots: [old.body.slot, new.body.slot]).body
        #expect(chain.slotsToList(by: [ready, ready]) == [new.body.slot])
    }
}
