import Crypto
import TestKit
import Testing

@testable import Ledger

/// Actions take effect by operators' signatures and, for a member set, by readiness; each refusal has its own cause.
@Suite struct GovernanceTests {
    private let builder: ChainBuilder
    private let chain: Chain

    init() throws {
        builder = try ChainBuilder()
        chain = builder.chain
    }

    private let newcomer = ChainBuilder.site(40)

    private func fault(_ complete: CompleteAction, on chain: Chain? = nil) -> ActionFault? {
        do throws(ActionFault) {
            try (chain ?? self.chain).check(complete, verifier: Verifier())
            return nil
        } catch { return error }
    }

    private func outcomeFault(_ change: Change, sequence: UInt64 = 1, on chain: Chain) -> ActionFault? {
        let action = GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(100))
        do throws(ActionFault) {
            _ = try chain.outcome(of: action)
            return nil
        } catch { return error }
    }

    private func rotated(_ site: SiteKeys, epoch: UInt32 = 1) -> (member: Member, nodeKey: SigningKey) {
        let fresh = ChainBuilder.site(60)
        let member = Member(
            id: site.member.id, name: site.member.name, operatorKey: site.member.operatorKey,
            nodeKey: fresh.member.nodeKey, linkKey: fresh.member.linkKey, keyEpoch: epoch)
        return (member, fresh.nodeKey)
    }

    @Test func aSiteIsAdmittedByOperatorsAndByWhoIsReadyForIt() throws {
        let complete = try builder.complete(.admit(newcomer.member), on: chain, newKey: newcomer, signedBy: [0, 1, 2])
        #expect(fault(complete) == nil)
        let next = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(next.members.count == 5)
        #expect(next.members[newcomer.member.id] == newcomer.member)
        #expect(next.bases[0].members.count == 4)
        #expect(next.bases[1].members.count == 5)
    }

    @Test func whatIsMissingFromAnAdmissionIsNamed() throws {
        let change = Change.admit(newcomer.member)
        func complete(_ operators: [Int] = [0, 1, 2], ready: [Int]? = nil, key: SiteKeys? = nil) throws
            -> CompleteAction
        {
            try builder.complete(change, on: chain, newKey: key, signedBy: operators, ready: ready)
        }
        #expect(fault(try complete([0, 1], key: newcomer)) == .tooFewOperators(signed: 2, needed: 3))
        #expect(fault(try complete()) == .wrongPossession)
        #expect(fault(try complete(key: ChainBuilder.site(41))) == .wrongPossession)
        let members = try chain.outcome(of: try complete(key: newcomer).action).members
        let own = members.index(of: newcomer.member.id)!
        let others = (0..<5).filter { $0 != own }
        #expect(fault(try complete(ready: others, key: newcomer)) == .subjectNotReady(newcomer.member.id))
        #expect(fault(try complete(ready: Array(others[..<2]) + [own], key: newcomer)) == .notReady)
    }

    @Test func readinessForAnotherSetDoesNotCount() throws {
        let complete = try builder.complete(.remove(builder.sites[3].member.id), on: chain, signedBy: [0, 1, 2])
        let other = try builder.complete(.remove(builder.sites[2].member.id), on: chain, signedBy: [0, 1, 2])
        #expect(fault(CompleteAction(signed: complete.signed, readiness: other.readiness)) == .notReady)
        #expect(fault(CompleteAction(signed: complete.signed)) == .notReady)
        let rules = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2])
        #expect(fault(CompleteAction(signed: rules.signed, readiness: other.readiness)) == .notReady)
    }

    @Test func everyOperatorSignatureMustStand() throws {
        let good = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2]).signed
        #expect(fault(CompleteAction(signed: good)) == nil)
        func with(_ signature: OperatorSignature) -> CompleteAction {
            CompleteAction(signed: SignedGovernanceAction(action: good.action, operators: good.operators + [signature]))
        }
        let fourth = builder.sites[3]
        let forged = good.action.signature(by: fourth.nodeKey, network: builder.network)
        let right = good.action.signature(by: fourth.operatorKey, network: builder.network)
        let elsewhere = good.action.signature(by: fourth.operatorKey, network: NetworkID(.zero))
        let stranger = ChainBuilder.site(70)
        for signature in [
            OperatorSignature(signer: fourth.member.id, keyEpoch: 0, signature: forged),
            OperatorSignature(signer: fourth.member.id, keyEpoch: 1, signature: right),
            OperatorSignature(signer: fourth.member.id, keyEpoch: 0, signature: elsewhere),
            OperatorSignature(
                signer: stranger.member.id, keyEpoch: 0,
                signature: good.action.signature(by: stranger.operatorKey, network: builder.network)),
        ] {
            #expect(fault(with(signature)) == .foreignSignature(signature.signer))
        }
        #expect(fault(with(OperatorSignature(signer: fourth.member.id, keyEpoch: 0, signature: right))) == nil)
        let repeated = SignedGovernanceAction(action: good.action, operators: good.operators + [good.operators[0]])
        #expect(throws: RecordError.notAscending(key: "operators")) {
            try SignedGovernanceAction(encoded: repeated.encoded)
        }
    }

    @Test func whatWasUsedIsNotReplayed() throws {
        let complete = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2], sequence: 4)
        let next = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(next.rules == changedRules)
        #expect(fault(complete, on: next) == .usedSequence(4, last: 4))
        #expect(outcomeFault(.rules(Rules()), sequence: 3, on: next) == .usedSequence(3, last: 4))
        #expect(outcomeFault(.rules(Rules()), sequence: 5, on: next) == nil)
        #expect(outcomeFault(.rules(changedRules), sequence: 5, on: next) == .unchangedRules)
        // A number that leaves few above it would end what can be decided on the subject.
        let distant = 5 + Limits.sequenceStep
        #expect(outcomeFault(.rules(Rules()), sequence: distant, on: next) == .distantSequence(distant, last: 4))
        #expect(outcomeFault(.rules(Rules()), sequence: distant - 1, on: next) == nil)
        #expect(outcomeFault(.rules(Rules()), sequence: .max, on: chain) == .distantSequence(.max, last: 0))
        // Each subject counts for itself.
        #expect(outcomeFault(.remove(builder.sites[0].member.id), sequence: 1, on: next) == nil)
    }

    @Test func anActionHasItsWindow() throws {
        func fault(_ first: UInt64, _ last: UInt64) -> ActionFault? {
            let action = GovernanceAction(
                change: .rules(changedRules), sequence: 1, first: Height(first), last: Height(last))
            do throws(ActionFault) {
                _ = try chain.outcome(of: action)
                return nil
            } catch { return error }
        }
        #expect(fault(1, 1) == nil)
        #expect(fault(2, 9) == .tooEarly(first: Height(2)))
        #expect(fault(0, 0) == .expired(last: .genesis))
    }

    @Test func aMemberThatLeftLeavesATombstoneAndNeverComesBackWithItsKeys() throws {
        let site = builder.sites[1]
        let complete = try builder.complete(.remove(site.member.id), on: chain, signedBy: [0, 2, 3], sequence: 7)
        #expect(fault(complete) == nil)
        let next = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(next.members.count == 3)
        #expect(next.members.tombstones == [Tombstone(id: site.member.id, lastKeyEpoch: 0, lastSequence: 7)])
        #expect(outcomeFault(.admit(site.member), sequence: 8, on: next) == .formerMember(site.member.id))
        #expect(outcomeFault(.remove(site.member.id), sequence: 8, on: next) == .notMember(site.member.id))
        #expect(
            outcomeFault(.admit(builder.sites[0].member), sequence: 8, on: next)
                == .alreadyMember(builder.sites[0].member.id))
    }

    @Test func theLastMemberStays() throws {
        let builder = try ChainBuilder(siteCount: 1)
        #expect(outcomeFault(.remove(builder.sites[0].member.id), on: builder.chain) == .lastMember)
    }

    @Test func namesAndKeysAreUnique() {
        let taken = Member(
            id: newcomer.member.id, name: newcomer.member.name, operatorKey: newcomer.member.operatorKey,
            nodeKey: newcomer.member.nodeKey, linkKey: builder.sites[0].member.linkKey, keyEpoch: 0)
        #expect(outcomeFault(.admit(taken), on: chain) == .takenIdentity(newcomer.member.id))
    }

    @Test func aRotationNeedsItsOwner() throws {
        let (member, nodeKey) = rotated(builder.sites[2])
        let new = ChainBuilder.site(60)
        #expect(nodeKey.verifyingKey == new.nodeKey.verifyingKey)
        let complete = try builder.complete(.rotate(member), on: chain, newKey: new, signedBy: [0, 2, 3])
        #expect(fault(complete) == nil)
        let without = try builder.complete(.rotate(member), on: chain, newKey: new, signedBy: [0, 1, 3])
        #expect(fault(without) == .unsignedByOwner(member.id))
        let next = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        #expect(next.members[member.id] == member)
        let again = rotated(builder.sites[2]).member
        #expect(outcomeFault(.rotate(again), sequence: 2, on: next) == .wrongRotation(member.id, keyEpoch: 1))
        let far = rotated(builder.sites[0], epoch: 2).member
        #expect(outcomeFault(.rotate(far), on: chain) == .wrongRotation(far.id, keyEpoch: 2))
    }

    @Test func aRetiredOperatorKeyNoLongerDecides() throws {
        let fresh = ChainBuilder.site(60)
        let owner = builder.sites[2]
        let member = Member(
            id: owner.member.id, name: owner.member.name, operatorKey: fresh.member.operatorKey,
            nodeKey: fresh.member.nodeKey, linkKey: fresh.member.linkKey, keyEpoch: 1)
        let rotation = try builder.complete(.rotate(member), on: chain, newKey: fresh, signedBy: [0, 2, 3])
        let next = try chain.advanced(by: builder.draft(on: chain, carrying: rotation).embedded)
        let signed = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2]).signed
        #expect(fault(CompleteAction(signed: signed), on: next) == .foreignSignature(owner.member.id))
    }

    @Test func rulesThatBreakAPromiseAreRefused() {
        func fault(_ change: (inout Rules) -> Void) -> ActionFault? {
            var rules = Rules()
            change(&rules)
            return outcomeFault(.rules(rules), on: chain)
        }
        #expect(
            fault {
                $0.operatorThresholdNumerator = 1
                $0.operatorThresholdDenominator = 3
            } == .rules(.operatorThresholdBelowHalf(1, 3)))
        let low = Rules.oneQ30 / 4 - 1
        #expect(
            fault { $0.nodeWeightMaximumQ30 = low }
                == .rules(.nodeWeightBelowFairShare(maximumQ30: low, memberCount: 4)))
        #expect(fault { $0.nodeWeightMaximumQ30 = low + 1 } == nil)
        #expect(fault { $0.review = .approve } == .rules(.approvalsOutOfRange(0, memberCount: 4)))
        #expect(
            fault {
                $0.review = .approve
                $0.approvals = 4
            } == .rules(.approvalsOutOfRange(4, memberCount: 4)))
        #expect(
            fault { $0.warmupSteps = $0.scheduleSteps + 1 }
                == .rules(.warmupBeyondSchedule(warmupSteps: 2401, scheduleSteps: 2400)))
        var rules = Rules()
        rules.review = .approve
        rules.approvals = UInt32(Limits.readyReviews)
        #expect(rules.fault(memberCount: 100) == nil)
        rules.approvals += 1
        #expect(rules.fault(memberCount: 100) == .approvalsBeyondRecord(rules.approvals))
    }

    @Test func aMemberMayNotLeaveUnderACapThatTheRestCannotMeet() throws {
        var rules = Rules()
        rules.nodeWeightMaximumQ30 = Rules.oneQ30 / 4
        let builder = try ChainBuilder(rules: rules)
        #expect(
            outcomeFault(.remove(builder.sites[0].member.id), on: builder.chain)
                == .rules(.nodeWeightBelowFairShare(maximumQ30: rules.nodeWeightMaximumQ30, memberCount: 3)))
    }

    @Test func aSlotWhoseHoldersHaveAllLeftIsNotListed() throws {
        var rules = Rules()
        rules.maxStaleness = 4
        let builder = try ChainBuilder(rules: rules)
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0])
        let certificate = builder.availability(contribution.body, by: [1, 2, 3])
        var chain = builder.chain
        for (left, signers) in [(3, [0, 1, 2]), (2, [0, 1, 2]), (1, [0, 1])] {
            // While one of them is left that f + 1 of the smaller set asks for, the slot stands.
            #expect(chain.hasHolders(certificate))
            let complete = try builder.complete(.remove(builder.sites[left].member.id), on: chain, signedBy: signers)
            chain = try chain.advanced(by: builder.draft(on: chain, carrying: complete).embedded)
        }
        #expect(chain.members.members.map(\.id) == [builder.sites[0].member.id])
        #expect(chain.isEligible(contribution.body.slot))
        #expect(!chain.hasHolders(certificate))
    }

    // MARK: - What a payload must carry

    private var changedRules: Rules {
        var rules = Rules()
        rules.minContributions = 3
        return rules
    }

    private func payloadFault(_ draft: Draft, on chain: Chain? = nil) -> PayloadFault? {
        do throws(PayloadFault) {
            try (chain ?? self.chain).validate(draft.embedded, verifier: Verifier())
            return nil
        } catch { return error }
    }

    @Test func ofTheActionsThatEnoughMembersNameTheLowestIsCarried() throws {
        let actions = try [UInt64(1), 2].map { sequence in
            try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2], sequence: sequence)
        }.sorted { $0.action.digest < $1.action.digest }
        let digests = actions.map(\.action.digest)
        let low = builder.draft(on: chain, carrying: actions[0], named: [digests, digests, []])
        #expect(payloadFault(low) == nil)
        let high = builder.draft(on: chain, carrying: actions[1], named: [digests, digests, []])
        #expect(payloadFault(high) == .wrongAction(expected: digests[0], carried: digests[1]))
        let none = builder.draft(on: chain, carrying: nil, named: [digests, digests, []])
        #expect(payloadFault(none) == .wrongAction(expected: digests[0], carried: nil))
        // One member alone (f = 1) neither forces nor allows an action.
        let lonely = builder.draft(on: chain, carrying: actions[1], named: [[digests[1]], [], []])
        #expect(payloadFault(lonely) == .wrongAction(expected: nil, carried: digests[1]))
    }

    @Test func aCarriedActionMustStandAndHaveItsEffect() throws {
        let weak = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1])
        let digest = weak.action.digest
        #expect(
            payloadFault(builder.draft(on: chain, carrying: weak, named: [[digest], [digest], []]))
                == .action(.tooFewOperators(signed: 2, needed: 3)))
        let good = try builder.complete(.rules(changedRules), on: chain, signedBy: [0, 1, 2])
        var draft = builder.draft(on: chain, carrying: good)
        #expect(payloadFault(draft) == nil)
        draft.rules = chain.rules.digest
        #expect(payloadFault(draft) == .wrongRules)
        draft = builder.draft(on: chain, carrying: good)
        draft.complete = nil
        #expect(payloadFault(draft) == .wrongAction(expected: nil, carried: good.action.digest))
        draft = builder.draft(on: chain, carrying: good)
        draft.members = .zero
        #expect(payloadFault(draft) == .wrongMembers)
    }
}
