import Crypto
import Testing

@testable import Ledger

/// The rule that a version lists at least so many contributions, or none.
@Suite struct MinContributionsTests {
    private static func builder(_ minContributions: UInt32, siteCount: Int = 4) throws -> ChainBuilder {
        var rules = Rules()
        rules.minContributions = minContributions
        return try ChainBuilder(siteCount: siteCount, rules: rules)
    }

    private func fault(_ draft: Draft, on chain: Chain) -> PayloadFault? {
        do {
            try chain.validate(draft.embedded, verifier: Verifier())
            return nil
        } catch { return error }
    }

    /// A payload on ready records that name the contributions of `named`, which lists those of `listed`.
    private func draft(_ builder: ChainBuilder, named: [Int], listed: [Int]) -> Draft {
        let chain = builder.chain
        var draft = builder.draft(on: chain, listing: listed.map { builder.contribution(by: $0, on: chain.bases[0]) })
        let slots = named.map { builder.contribution(by: $0, on: chain.bases[0]).body.slot }.sorted()
        draft.ready = builder.quorum.map { builder.ready(by: $0, on: chain, slots: slots) }
            .sorted { $0.objectDigest < $1.objectDigest }
        return draft
    }

    @Test func fewerThanTheRulesAskForAreNotListed() throws {
        let builder = try MinContributionsTests.builder(3)
        let chain = builder.chain
        let named = [0, 1].map { builder.contribution(by: $0, on: chain.bases[0]).body.slot }
        let ready = builder.ready(by: 0, on: chain, slots: named).body
        #expect(chain.slotsToList(by: [ready, ready, ready]).isEmpty)

        #expect(fault(draft(builder, named: [0, 1], listed: []), on: chain) == nil)
        let two = draft(builder, named: [0, 1], listed: [0, 1])
        #expect(fault(two, on: chain) == .tooFewContributions(count: 2, minimum: 3))
        #expect(fault(draft(builder, named: [0, 1, 2], listed: [0, 1, 2]), on: chain) == nil)
        let all = draft(builder, named: [0, 1, 2], listed: []).embedded.ready.map(\.body)
        #expect(
            fault(draft(builder, named: [0, 1, 2], listed: []), on: chain)
                == .inclusion(expected: chain.slotsToList(by: all), listed: []))
        #expect(
            fault(draft(builder, named: [0, 1, 2], listed: [0, 1]), on: chain)
                == .tooFewContributions(count: 2, minimum: 3))
    }

    @Test func anAuditorRefusesAVersionThatListsFewer() throws {
        let builder = try MinContributionsTests.builder(3)
        let draft = draft(builder, named: [0, 1], listed: [0, 1])
        let certified = draft.certified(by: builder.finalize(draft.version))
        #expect(throws: AuditFault.payload(Height(1), .tooFewContributions(count: 2, minimum: 3))) {
            try builder.chain.audited(certified, verifier: Verifier())
        }
    }

    /// What was named and not listed may be listed later; two slots of one author are one contribution.
    @Test func whatWasNotListedStaysEligibleAndAnAuthorCountsOnce() throws {
        let builder = try MinContributionsTests.builder(3)
        let early = [0, 1].map { builder.contribution(by: $0, on: builder.chain.bases[0]).body.slot }.sorted()
        let chain = try builder.chain.advanced(by: draft(builder, named: [0, 1], listed: []).embedded)
        #expect(chain.trainedSteps == 0)
        #expect(early.allSatisfy { chain.isEligible($0) })
        let base = try #require(chain.bases.last)
        let again = early + [builder.contribution(by: 0, on: base).body.slot]
        let two = builder.ready(by: 0, on: chain, slots: again.sorted()).body
        #expect(chain.slotsToList(by: [two, two, two]).isEmpty)
        let third = again + [builder.contribution(by: 3, on: base).body.slot]
        let three = builder.ready(by: 0, on: chain, slots: third.sorted()).body
        let listed = chain.slotsToList(by: [three, three, three])
        #expect(listed.count == 3 && Set(listed.map(\.author)).count == 3)
        #expect(listed.contains(early[0].author == builder.sites[1].member.id ? early[0] : early[1]))
    }

    @Test func moreThanThereAreMembersIsRefused() throws {
        var rules = Rules()
        rules.minContributions = 4
        #expect(rules.fault(memberCount: 4) == nil)
        rules.minContributions = 5
        #expect(rules.fault(memberCount: 4) == .minContributionsBeyondMembers(5, memberCount: 4))
        rules.minContributions = 0
        #expect(throws: RecordError.outOfRange(key: "min_contributions")) { try Rules(cbor: rules.cbor) }

        let builder = try MinContributionsTests.builder(5)
        #expect(throws: RecordError.outOfRange(key: "rules")) { try Genesis(cbor: builder.genesis.cbor) }
    }

    /// A ready record has room for so many slots, and for their approvals where those are asked for.
    @Test func moreThanAReadyRecordNamesIsRefused() {
        var rules = Rules()
        rules.minContributions = 96
        #expect(rules.fault(memberCount: 201) == nil)
        rules.minContributions = 97
        #expect(rules.fault(memberCount: 200) == nil)
        #expect(rules.fault(memberCount: 201) == .minContributionsBeyondRecord(97, named: 96))
        rules.review = .approve
        rules.approvals = 3
        rules.minContributions = 21
        #expect(rules.fault(memberCount: 100) == nil)
        rules.minContributions = 22
        #expect(rules.fault(memberCount: 100) == .minContributionsBeyondRecord(22, named: 21))
    }

    @Test func changesThatNoVersionCouldMeetAreRefused() throws {
        func fault(_ change: Change, on chain: Chain) -> ActionFault? {
            let action = GovernanceAction(change: change, sequence: 1, first: Height(1), last: Height(100))
            do throws(ActionFault) {
                _ = try chain.outcome(of: action)
                return nil
            } catch { return error }
        }
        let builder = try MinContributionsTests.builder(4)
        #expect(
            fault(.remove(builder.sites[0].member.id), on: builder.chain)
                == .rules(.minContributionsBeyondMembers(4, memberCount: 3)))
        var rules = builder.genesis.rules
        rules.minContributions = 5
        #expect(fault(.rules(rules), on: builder.chain) == .rules(.minContributionsBeyondMembers(5, memberCount: 4)))
        rules.minContributions = 3
        let lowered = try builder.complete(.rules(rules), on: builder.chain, signedBy: [0, 1, 2])
        let chain = try builder.chain.advanced(by: builder.draft(on: builder.chain, carrying: lowered).embedded)
        #expect(fault(.remove(builder.sites[0].member.id), on: chain) == nil)
    }
}
