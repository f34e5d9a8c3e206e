import Crypto
import Testing

@testable import Ledger

/// What operators say about a contribution keeps it out, or lets it in, as the rules have it.
@Suite struct ReviewTests {
    private func builder(_ mode: ReviewMode, approvals: UInt32 = 0) throws -> ChainBuilder {
        var rules = Rules()
        rules.review = mode
        rules.approvals = approvals
        return try ChainBuilder(rules: rules)
    }

    private func review(_ verdict: ReviewVerdict, of contribution: Contribution, by site: Int, in builder: ChainBuilder)
        -> SignedReview
    {
        let statement = ReviewStatement(
            verdict: verdict, slot: contribution.slot, contribution: contribution.contributionDigest)
        return SignedReview(
            statement: statement,
            signature: OperatorSignature(
                signer: builder.sites[site].member.id, keyEpoch: 0,
                signature: statement.signature(by: builder.sites[site].operatorKey, network: builder.network)))
    }

    /// The slots that a payload must list whose ready records all name the contribution and carry these reviews.
    private func listed(
        _ contribution: Contribution, on chain: Chain, _ reviews: [[SignedReview]], _ builder: ChainBuilder
    )
        -> [Slot]
    {
        chain.slotsToList(
            by: reviews.enumerated().map {
                builder.ready(by: $0, on: chain, slots: [contribution.slot], reviews: $1).body
            })
    }

    @Test func twoVetoesKeepAContributionOutAndOneDoesNot() throws {
        let builder = try builder(.vetoWindow)
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0]).body
        let vetoes = [1, 2].map { review(.veto, of: contribution, by: $0, in: builder) }
        #expect(
            listed(contribution, on: builder.chain, [[vetoes[0]], [vetoes[0]], []], builder) == [contribution.slot])
        #expect(listed(contribution, on: builder.chain, [[vetoes[0]], [vetoes[1]], []], builder) == [])
        #expect(listed(contribution, on: builder.chain, [vetoes, [], []], builder) == [])
    }

    @Test func inLargerMeshesMoreThanFMustVeto() throws {
        var rules = Rules()
        rules.review = .vetoWindow
        let builder = try ChainBuilder(siteCount: 7, rules: rules)
        #expect(builder.chain.vetoesNeeded == 3)
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0]).body
        let vetoes = [1, 2, 3].map { review(.veto, of: contribution, by: $0, in: builder) }
        let empty = Array(repeating: [SignedReview](), count: 4)
        #expect(listed(contribution, on: builder.chain, [Array(vetoes[..<2])] + empty, builder) == [contribution.slot])
        #expect(listed(contribution, on: builder.chain, [vetoes] + empty, builder) == [])
    }

    @Test func whereReviewIsOpenAVetoMeansNothing() throws {
        let builder = try builder(.open)
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0]).body
        let vetoes = [1, 2, 3].map { review(.veto, of: contribution, by: $0, in: builder) }
        #expect(listed(contribution, on: builder.chain, [vetoes, vetoes, vetoes], builder) == [contribution.slot])
    }

    @Test func aVetoThatAVersionEmbedsCountsForEver() throws {
        let builder = try builder(.vetoWindow)
        let chain = builder.chain
        let contribution = builder.contribution(by: 0, on: chain.bases[0]).body
        var draft = builder.draft(on: chain, listing: [])
        draft.ready = builder.quorum.map {
            builder.ready(
                by: $0, on: chain, slots: [],
                reviews: $0 == 0 ? [review(.veto, of: contribution, by: 1, in: builder)] : [])
        }
        let next = try chain.advanced(by: draft.embedded)
        let second = review(.veto, of: contribution, by: 2, in: builder)
        #expect(listed(contribution, on: next, [[], [], []], builder) == [contribution.slot])
        #expect(listed(contribution, on: next, [[second], [], []], builder) == [])
        #expect(next.isBlockedByReview(contribution.contributionDigest, in: contribution.slot, held: [second]))
        #expect(!next.isBlockedByReview(contribution.contributionDigest, in: contribution.slot))
        // With the base out of reach, what was said about it is forgotten.
        var later = next
        for _ in 0..<2 { later = try later.advanced(by: builder.draft(on: later, listing: []).embedded) }
        #expect(later.reviews.isEmpty)
    }

    @Test func approvalsOfOtherSitesLetAContributionIn() throws {
        let builder = try builder(.approve, approvals: 2)
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0]).body
        let approvals = [0, 1, 2].map { review(.approve, of: contribution, by: $0, in: builder) }
        #expect(listed(contribution, on: builder.chain, [[], [], []], builder) == [])
        #expect(listed(contribution, on: builder.chain, [Array(approvals[..<2]), [], []], builder) == [])
        #expect(listed(contribution, on: builder.chain, [approvals, [], []], builder) == [contribution.slot])
    }

    @Test func anApprovalIsForOneContributionOfASlotOnly() throws {
        let builder = try builder(.approve, approvals: 1)
        let chain = builder.chain
        let approved = builder.contribution(by: 0, on: chain.bases[0])
        let other = builder.contribution(by: 0, on: chain.bases[0], norm: 1)
        let approval = review(.approve, of: approved.body, by: 1, in: builder)
        func draft(_ contribution: Signed<Contribution>) -> Draft {
            var draft = builder.draft(on: chain, listing: [contribution])
            draft.ready = builder.quorum.map {
                builder.ready(by: $0, on: chain, slots: [contribution.body.slot], reviews: [approval])
            }.sorted { $0.objectDigest < $1.objectDigest }
            return draft
        }
        try chain.validate(draft(approved).embedded, verifier: Verifier())
        #expect(throws: PayloadFault.blockedByReview(other.body.slot)) {
            try chain.validate(draft(other).embedded, verifier: Verifier())
        }
    }

    @Test func aReadyRecordWithAForgedReviewIsNotEmbedded() throws {
        let builder = try builder(.vetoWindow)
        let chain = builder.chain
        let contribution = builder.contribution(by: 0, on: chain.bases[0]).body
        let good = review(.veto, of: contribution, by: 1, in: builder)
        let forged = SignedReview(
            statement: good.statement,
            signature: OperatorSignature(
                signer: builder.sites[2].member.id, keyEpoch: 0, signature: good.signature.signature))
        let retired = SignedReview(
            statement: good.statement,
            signature: OperatorSignature(
                signer: builder.sites[1].member.id, keyEpoch: 1, signature: good.signature.signature))
        #expect(chain.isValid(builder.ready(by: 0, on: chain, slots: [], reviews: [good]), verifier: Verifier()))
        let nowhere = ReviewStatement(
            verdict: .veto, slot: Slot(author: ChainBuilder.site(70).member.id, base: chain.headDigest),
            contribution: good.statement.contribution)
        let foreign = SignedReview(
            statement: nowhere,
            signature: OperatorSignature(
                signer: builder.sites[1].member.id, keyEpoch: 0,
                signature: nowhere.signature(by: builder.sites[1].operatorKey, network: builder.network)))
        for review in [forged, retired, foreign] {
            let ready = builder.ready(by: 0, on: chain, slots: [], reviews: [review])
            #expect(!chain.isValid(ready, verifier: Verifier()))
        }
    }
}
