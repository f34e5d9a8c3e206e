import Crypto
import Testing

@testable import Ledger

/// What operators say about a contribution keeps it out, or lets it in, as the rules have it.
@Suite struct ReviewTests {
    private func world(_ mode: ReviewMode, approvals: UInt32 = 0) throws -> World {
        var rules = Rules()
        rules.review = mode
        rules.approvals = approvals
        return try World(rules: rules)
    }

    private func review(_ verdict: ReviewVerdict, of contribution: Contribution, by site: Int, in world: World)
        -> SignedReview
    {
        let statement = ReviewStatement(
            verdict: verdict, slot: contribution.slot, contribution: contribution.contributionDigest)
        return SignedReview(
            statement: statement,
            signature: OperatorSignature(
                signer: world.sites[site].member.id, keyEpoch: 0,
                signature: statement.signature(by: world.sites[site].operatorKey, network: world.network)))
    }

    /// The slots that a payload must list whose ready records all name the contribution and carry these reviews.
    private func listed(_ contribution: Contribution, on chain: Chain, _ reviews: [[SignedReview]], _ world: World)
        -> [Slot]
    {
        chain.slotsToList(
            by: reviews.enumerated().map {
                world.ready(by: $0, on: chain, slots: [contribution.slot], reviews: $1).body
            })
    }

    @Test func twoVetoesKeepAContributionOutAndOneDoesNot() throws {
        let world = try world(.vetoWindow)
        let contribution = world.contribution(by: 0, on: world.chain.bases[0]).body
        let vetoes = [1, 2].map { review(.veto, of: contribution, by: $0, in: world) }
        #expect(listed(contribution, on: world.chain, [[vetoes[0]], [vetoes[0]], []], world) == [contribution.slot])
        #expect(listed(contribution, on: world.chain, [[vetoes[0]], [vetoes[1]], []], world) == [])
        #expect(listed(contribution, on: world.chain, [vetoes, [], []], world) == [])
    }

    @Test func inLargerMeshesMoreThanFMustVeto() throws {
        var rules = Rules()
        rules.review = .vetoWindow
        let world = try World(siteCount: 7, rules: rules)
        #expect(world.chain.vetoesNeeded == 3)
        let contribution = world.contribution(by: 0, on: world.chain.bases[0]).body
        let vetoes = [1, 2, 3].map { review(.veto, of: contribution, by: $0, in: world) }
        let empty = Array(repeating: [SignedReview](), count: 4)
        #expect(listed(contribution, on: world.chain, [Array(vetoes[..<2])] + empty, world) == [contribution.slot])
        #expect(listed(contribution, on: world.chain, [vetoes] + empty, world) == [])
    }

    @Test func whereReviewIsOpenAVetoMeansNothing() throws {
        let world = try world(.open)
        let contribution = world.contribution(by: 0, on: world.chain.bases[0]).body
        let vetoes = [1, 2, 3].map { review(.veto, of: contribution, by: $0, in: world) }
        #expect(listed(contribution, on: world.chain, [vetoes, vetoes, vetoes], world) == [contribution.slot])
    }

    @Test func aVetoThatAVersionEmbedsCountsForEver() throws {
        let world = try world(.vetoWindow)
        let chain = world.chain
        let contribution = world.contribution(by: 0, on: chain.bases[0]).body
        var draft = world.draft(on: chain, listing: [])
        draft.ready = world.quorum.map {
            world.ready(
                by: $0, on: chain, slots: [],
                reviews: $0 == 0 ? [review(.veto, of: contribution, by: 1, in: world)] : [])
        }
        let next = try chain.advanced(by: draft.embedded)
        let second = review(.veto, of: contribution, by: 2, in: world)
        #expect(listed(contribution, on: next, [[], [], []], world) == [contribution.slot])
        #expect(listed(contribution, on: next, [[second], [], []], world) == [])
        #expect(next.isHeldBack(contribution.contributionDigest, in: contribution.slot, held: [second]))
        #expect(!next.isHeldBack(contribution.contributionDigest, in: contribution.slot))
        // With the base out of reach, what was said about it is forgotten.
        var later = next
        for _ in 0..<2 { later = try later.advanced(by: world.draft(on: later, listing: []).embedded) }
        #expect(later.reviews.isEmpty)
    }

    @Test func approvalsOfOtherSitesLetAContributionIn() throws {
        let world = try world(.approve, approvals: 2)
        let contribution = world.contribution(by: 0, on: world.chain.bases[0]).body
        let approvals = [0, 1, 2].map { review(.approve, of: contribution, by: $0, in: world) }
        #expect(listed(contribution, on: world.chain, [[], [], []], world) == [])
        #expect(listed(contribution, on: world.chain, [Array(approvals[..<2]), [], []], world) == [])
        #expect(listed(contribution, on: world.chain, [approvals, [], []], world) == [contribution.slot])
    }

    @Test func anApprovalIsForOneContributionOfASlotOnly() throws {
        let world = try world(.approve, approvals: 1)
        let chain = world.chain
        let approved = world.contribution(by: 0, on: chain.bases[0])
        let other = world.contribution(by: 0, on: chain.bases[0], norm: 1)
        let approval = review(.approve, of: approved.body, by: 1, in: world)
        func draft(_ contribution: Signed<Contribution>) -> Draft {
            var draft = world.draft(on: chain, listing: [contribution])
            draft.ready = world.quorum.map {
                world.ready(by: $0, on: chain, slots: [contribution.body.slot], reviews: [approval])
            }.sorted { $0.objectDigest < $1.objectDigest }
            return draft
        }
        try chain.judge(draft(approved).embedded, verifier: Verifier())
        #expect(throws: PayloadFault.heldBack(other.body.slot)) {
            try chain.judge(draft(other).embedded, verifier: Verifier())
        }
    }

    @Test func aReadyRecordWithAForgedReviewIsNotEmbedded() throws {
        let world = try world(.vetoWindow)
        let chain = world.chain
        let contribution = world.contribution(by: 0, on: chain.bases[0]).body
        let good = review(.veto, of: contribution, by: 1, in: world)
        let forged = SignedReview(
            statement: good.statement,
            signature: OperatorSignature(
                signer: world.sites[2].member.id, keyEpoch: 0, signature: good.signature.signature))
        let retired = SignedReview(
            statement: good.statement,
            signature: OperatorSignature(
                signer: world.sites[1].member.id, keyEpoch: 1, signature: good.signature.signature))
        #expect(chain.isValid(world.ready(by: 0, on: chain, slots: [], reviews: [good]), verifier: Verifier()))
        let nowhere = ReviewStatement(
            verdict: .veto, slot: Slot(author: World.Site(index: 70).member.id, base: chain.headDigest),
            contribution: good.statement.contribution)
        let foreign = SignedReview(
            statement: nowhere,
            signature: OperatorSignature(
                signer: world.sites[1].member.id, keyEpoch: 0,
                signature: nowhere.signature(by: world.sites[1].operatorKey, network: world.network)))
        for review in [forged, retired, foreign] {
            let ready = world.ready(by: 0, on: chain, slots: [], reviews: [review])
            #expect(!chain.isValid(ready, verifier: Verifier()))
        }
    }
}
