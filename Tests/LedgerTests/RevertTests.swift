import Crypto
import Testing

@testable import Ledger

/// A revert is decided by an action and takes effect by a switch that follows from ready records alone.
@Suite struct RevertTests {
    private let builder: ChainBuilder
    /// Three versions, the first of which lists a contribution of site 0.
    private let chain: Chain
    private let listed: Contribution

    init() throws {
        let builder = try ChainBuilder()
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0])
        var chain = try builder.chain.advanced(by: builder.draft(on: builder.chain, listing: [contribution]).embedded)
        for _ in 0..<2 { chain = try chain.advanced(by: builder.draft(on: chain, listing: []).embedded) }
        self.builder = builder
        self.chain = chain
        listed = contribution.body
    }

    private func fault(_ exclusion: Exclusion, from: UInt64, on chain: Chain) -> ActionFault? {
        let action = GovernanceAction(
            change: .revert(exclusion, from: Height(from)), sequence: 99, first: Height(1), last: Height(100))
        do throws(ActionFault) {
            _ = try chain.outcome(of: action)
            return nil
        } catch { return error }
    }

    private func reverted(_ exclusion: Exclusion, from: UInt64, on chain: Chain, sequence: UInt64 = 1) throws -> Chain {
        let complete = try builder.complete(
            .revert(exclusion, from: Height(from)), on: chain, signedBy: [0, 1, 2], sequence: sequence)
        return try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
    }

    private let replayed = StateRoots(parameters: Digest(bytes: [UInt8](repeating: 8, count: 32))!)

    private func switching(_ chain: Chain, by flags: [StateRoots?]) -> Draft {
        var draft = builder.draft(on: chain, listing: [])
        draft.ready = zip(builder.quorum, flags).map { builder.ready(by: $0, on: chain, slots: [], replayed: $1) }
            .sorted { $0.objectDigest < $1.objectDigest }
        draft.roots = replayed
        draft.action = chain.switchAction(to: replayed).digest
        return draft
    }

    @Test func aRevertReachesOnlyAsFarAsContributionsAreKept() throws {
        let exclusion = Exclusion.contribution(listed.contributionDigest)
        #expect(fault(exclusion, from: 1, on: chain) == nil)
        #expect(fault(exclusion, from: 0, on: chain) == .outsideRetention(from: .genesis, oldest: Height(1)))
        #expect(fault(exclusion, from: 4, on: chain) == .outsideRetention(from: Height(4), oldest: Height(1)))
        var rules = Rules()
        rules.retentionVersions = 2
        let short = try ChainBuilder(rules: rules)
        var other = short.chain
        for _ in 0..<4 { other = try other.advanced(by: short.draft(on: other, listing: []).embedded) }
        #expect(fault(exclusion, from: 2, on: other) == .outsideRetention(from: Height(2), oldest: Height(3)))
        #expect(fault(exclusion, from: 3, on: other) == nil)
    }

    @Test func allReadyRecordsMustFlagTheSameReplay() throws {
        let pending = try reverted(.contribution(listed.contributionDigest), from: 1, on: chain)
        #expect(pending.governance.replayFrom == Height(1))
        let draft = switching(pending, by: [replayed, replayed, replayed])
        try pending.validate(draft.embedded, verifier: Verifier())
        for flags in [[replayed, replayed, nil], [replayed, replayed, pending.head.roots]] {
            let draft = switching(pending, by: flags)
            #expect(throws: PayloadFault.self) { try pending.validate(draft.embedded, verifier: Verifier()) }
        }
        // Where all flag it, a payload that goes on as before is refused.
        var ordinary = draft
        ordinary.action = nil
        ordinary.roots = pending.head.roots
        #expect(throws: PayloadFault.self) { try pending.validate(ordinary.embedded, verifier: Verifier()) }
        var elsewhere = draft
        elsewhere.roots = pending.head.roots
        elsewhere.action = pending.switchAction(to: pending.head.roots).digest
        #expect(throws: PayloadFault.wrongRoots) { try pending.validate(elsewhere.embedded, verifier: Verifier()) }
        // With nothing pending a flag means nothing.
        #expect(chain.rootsToSwitch(by: draft.ready.map(\.body)) == nil)
    }

    @Test func whatWasTrainedBeforeASwitchIsVoid() throws {
        let pending = try reverted(.contribution(listed.contributionDigest), from: 1, on: chain)
        let next = try pending.advanced(by: switching(pending, by: [replayed, replayed, replayed]).embedded)
        #expect(next.head.roots == replayed)
        #expect(next.bases.map(\.height) == [next.height])
        #expect(next.governance.pendingReverts.isEmpty)
        #expect(next.governance.replayFrom == nil)
        #expect(next.trainedSteps == pending.trainedSteps)
    }

    @Test func exclusionsAddUpAndTheEarliestCounts() throws {
        let first = Exclusion.contribution(listed.contributionDigest)
        let second = Exclusion.dataSet(listed.dataSets[0], bindsFuture: false)
        var chain = try reverted(first, from: 1, on: self.chain)
        chain = try chain.advanced(by: switching(chain, by: [replayed, replayed, replayed]).embedded)
        let switched = chain.height
        // Behind the switch: the state there still holds what it took out, so the replay begins where that does.
        let behind = try reverted(second, from: 2, on: chain, sequence: 2)
        #expect(behind.governance.replayFrom == Height(1))
        chain = try chain.advanced(by: builder.draft(on: chain, listing: []).embedded)
        let beyond = try reverted(second, from: switched.value + 1, on: chain, sequence: 2)
        #expect(beyond.governance.replayFrom == switched.next)
        #expect(beyond.governance.exclusionsDigest != chain.governance.exclusionsDigest)
        #expect(fault(first, from: 2, on: chain) == .repeatedExclusion)
    }

    @Test func anExclusionKnowsWhatItTakesOut() throws {
        let other = builder.contribution(by: 1, on: builder.chain.bases[0], dataSets: [5]).body
        let byContribution = try reverted(.contribution(listed.contributionDigest), from: 2, on: chain).governance
        #expect(byContribution.excludes(listed, at: Height(2)))
        #expect(!byContribution.excludes(listed, at: Height(1)))
        #expect(!byContribution.excludes(other, at: Height(2)))
        let byDataSet = try reverted(.dataSet(other.dataSets[0], bindsFuture: true), from: 1, on: chain)
        #expect(byDataSet.governance.excludes(other, at: Height(1)))
        #expect(!byDataSet.governance.excludes(listed, at: Height(1)))
        // Bound for the future: a contribution on that version or a later one may not name it.
        let base = byDataSet.bases[byDataSet.bases.count - 1]
        #expect(!byDataSet.isWithinRules(builder.contribution(by: 1, on: base, dataSets: [5]).body))
        #expect(byDataSet.isWithinRules(builder.contribution(by: 1, on: base, dataSets: [6]).body))
        #expect(byDataSet.isWithinRules(builder.contribution(by: 1, on: byDataSet.bases[0], dataSets: [5]).body))
    }

    /// A data set that is excluded for the past only may be named again by what is made after the decision.
    @Test func anExclusionThatDoesNotBindTheFutureLeavesItAlone() throws {
        let decided = try reverted(.dataSet(listed.dataSets[0], bindsFuture: false), from: 1, on: chain)
        let before = builder.contribution(by: 1, on: decided.bases[0]).body
        let after = builder.contribution(by: 1, on: decided.bases[decided.bases.count - 1]).body
        let governance = decided.governance
        #expect(governance.excludes(before, at: decided.nextHeight))
        #expect(!governance.excludes(after, at: decided.nextHeight))
        #expect(!governance.forbids(after))
    }

    /// The state before a switch holds what it took out, and only so far back is it taken out again.
    @Test func aReplayGoesBackOnlyAsFarAsEarlierSwitchesMakeItTo() throws {
        func exclusion(_ number: UInt8) -> Exclusion {
            .contribution(ContributionDigest(Digest(bytes: [UInt8](repeating: number, count: 32))!))
        }
        var chain = try reverted(exclusion(1), from: 1, on: self.chain)
        chain = try chain.advanced(by: switching(chain, by: [replayed, replayed, replayed]).embedded)
        let first = chain.height
        for _ in 0..<2 { chain = try chain.advanced(by: builder.draft(on: chain, listing: []).embedded) }
        chain = try reverted(exclusion(2), from: first.next.value, on: chain, sequence: 2)
        #expect(chain.governance.replayFrom == first.next)
        #expect(chain.governance.replayFloor == first)
        chain = try chain.advanced(by: switching(chain, by: [replayed, replayed, replayed]).embedded)
        // Behind the second switch and not the first: only the second's exclusion is left out again.
        chain = try reverted(exclusion(3), from: first.next.next.value, on: chain, sequence: 3)
        #expect(chain.governance.replayFrom == first.next)
        #expect(chain.governance.replayFloor == first)
    }

    @Test func aRevertThatMakesTooOldVersionsReplayAgainIsRefused() throws {
        var rules = Rules()
        rules.retentionVersions = 4
        let builder = try ChainBuilder(rules: rules)
        var chain = builder.chain
        for _ in 0..<2 { chain = try chain.advanced(by: builder.draft(on: chain, listing: []).embedded) }
        let first = Exclusion.contribution(listed.contributionDigest)
        let complete = try builder.complete(
            .revert(first, from: Height(1)), on: chain, signedBy: [0, 1, 2], sequence: 1)
        chain = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        var draft = builder.draft(on: chain, listing: [])
        draft.ready = builder.quorum.map { builder.ready(by: $0, on: chain, slots: [], replayed: replayed) }
            .sorted { $0.objectDigest < $1.objectDigest }
        draft.roots = replayed
        draft.action = chain.switchAction(to: replayed).digest
        chain = try chain.advanced(by: draft.embedded)
        chain = try chain.advanced(by: builder.draft(on: chain, listing: []).embedded)
        let second = Exclusion.dataSet(listed.dataSets[0], bindsFuture: false)
        // Version 3 is kept, but the switch at 4 took out something from version 1 on, which is not.
        #expect(fault(second, from: 3, on: chain) == .outsideRetention(from: Height(1), oldest: Height(2)))
        #expect(fault(second, from: 5, on: chain) == nil)
    }

    @Test func aReplayGoesByTheRulesOfEachHeightAndListsWhatIsLeft() throws {
        var rules = chain.rules
        rules.outerLearningRateQ16 = 2 << 16
        let complete = try builder.complete(.rules(rules), on: chain, signedBy: [0, 1, 2])
        let changed = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(changed.rules(at: changed.height) == chain.rules)
        #expect(changed.rules(at: Height(1)) == chain.rules)
        #expect(changed.rules(at: changed.nextHeight) == rules)
        let contributions = [0, 1].map { builder.contribution(by: $0, on: changed.bases[changed.bases.count - 1]) }
        let draft = builder.draft(on: changed, listing: contributions)
        let next = try changed.advanced(by: draft.embedded)
        let excluded = try reverted(
            .contribution(contributions[1].body.contributionDigest), from: next.height.value, on: next)
        let certified = draft.certified(by: builder.finalize(draft.version))
        let left = excluded.entriesToReplay(of: certified)
        #expect(left.map(\.contribution) == [contributions[0].body.contributionDigest])
        #expect(left.map(\.weightQ30) == [certified.version.manifest[0].weightQ30])
        #expect(next.entriesToReplay(of: certified) == certified.version.manifest)
    }
}
