import Crypto
import Ledger
import Testing

@testable import Gossip

@Suite struct VerdictTests {
    private func removal(_ town: Town, _ sequence: UInt64) -> GovernanceAction {
        town.action(.remove(town.sites[1].identity.member), sequence: sequence)
    }

    @Test func operator_withEightMistakenProposals_rotatesItsKeysAndWithdraws() throws {
        let town = try Town(count: 4)
        town.settle()
        let mistakes = (1...8).map { removal(town, UInt64($0)) }
        for mistake in mistakes { town.propose(mistake, by: [3]) }
        let ninth = removal(town, 9)
        let signer = town.sites[3].identity.member
        #expect(town.sites[3].node.refusal(of: town.signed(ninth, by: [3])) == .tooManyPending(signer))
        // A rotation of its own keys has a place of its own.
        let (member, key) = town.rotated(3)
        let rotation = town.action(.rotate(member))
        #expect(town.sites[3].node.refusal(of: town.signed(rotation, by: [3], possession: key)) == nil)
        // What is withdrawn gives its place back, at every node.
        town.judge(mistakes[0], .withdraw, by: [3])
        #expect(town.sites[3].node.refusal(of: town.signed(ninth, by: [3])) == nil)
        town.propose(ninth, by: [3])
        for site in town.sites {
            #expect(site.node.governance[mistakes[0].digest]?.isClosed(on: site.node.chain) == true)
            #expect(site.node.governance[ninth.digest]?.supporters == [signer])
        }
    }

    /// A stolen key can be replaced whatever mistakes lie about: neither its owner nor those who must agree are locked out.
    @Test func rotation_whereEveryOperatorHasEightMistakes_isSignedAndCarried() throws {
        let town = try Town(count: 4)
        town.settle()
        for signer in 0..<4 {
            for sequence in 1...8 {
                town.propose(removal(town, UInt64(10 * signer + sequence)), by: [signer])
            }
        }
        let mistakes = Set(town.sites[0].node.governance.digests)
        #expect(mistakes.count == 32)
        let (member, key) = town.rotated(3)
        let rotation = town.action(.rotate(member))
        // Its owner signs first; later signers need no place.
        for signer in [3, 0, 1] {
            #expect(
                town.sites[signer].node.refusal(of: town.signed(rotation, by: [signer], possession: key)) == nil)
            town.propose(rotation, by: [signer], possession: key)
        }
        for site in town.sites {
            #expect(site.node.governance[rotation.digest]?.supporters.count == 3)
            #expect(mistakes.isSubset(of: site.node.governance.digests), "it takes no other place")
        }
        #expect(town.reach(1))
        #expect(town.chains.allSatisfy { $0.members[member.id]?.keyEpoch == 1 })
    }

    @Test func rotations_ofOneOperator_areBounded() throws {
        let town = try Town(count: 4)
        town.settle()
        let places = GovernanceTable.Places(memberCount: 4)
        let room = places.rotationsOfOperator + places.othersOfOperator
        let member = town.sites[3].identity.member
        for sequence in 1...UInt64(room + 3) {
            let (rotated, key) = town.rotated(3)
            town.propose(town.action(.rotate(rotated), sequence: sequence), by: [3], possession: key)
        }
        for site in town.sites {
            #expect(site.node.governance.digests.count == room)
            #expect(site.node.governance.actions.values.allSatisfy { $0.supporters == [member] })
        }
        // Another operator's places are as free as before.
        #expect(town.sites[2].node.refusal(of: town.signed(removal(town, 1), by: [2])) == nil)
    }

    @Test func withdrawnSignature_thatAPeerSendsAgain_doesNotCount() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.propose(action, by: [1, 2])
        town.judge(action, .withdraw, by: [2])
        town.propose(action, by: [3])
        for index in 0..<3 { town.inject(.action(town.signed(action, by: [2])), from: 3, to: index) }
        #expect(town.reach(3))
        #expect(town.chains.allSatisfy { $0.rules == town.genesis.rules })
        #expect(town.sites.allSatisfy { $0.node.governance[action.digest]?.supporters.count == 2 })
        // Two more support it: then it has enough without the one that withdrew.
        town.propose(action, by: [0])
        #expect(town.reach(4))
        #expect(town.chains.allSatisfy { $0.rules == town.otherRules })
    }

    @Test func withdrawal_arrivesBeforeTheSignature_counts() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.inject(.verdict(town.judged(action, .withdraw, by: 2)), from: 2, to: 0)
        town.settle()
        town.inject(.action(town.signed(action, by: [2])), from: 2, to: 0)
        town.settle()
        #expect(town.sites[0].node.governance[action.digest]?.operators.isEmpty == true)
        #expect(town.sites[0].node.governance[action.digest]?.isClosed(on: town.chains[0]) == true)
    }

    @Test func proposal_rejectedByAsManyAsItTakes_isClosedAndTakesNoPlace() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.propose(action, by: [0, 1])
        town.judge(action, .reject, by: [2])
        #expect(town.sites.allSatisfy { $0.node.governance[action.digest]?.isClosed(on: $0.node.chain) == false })
        town.judge(action, .reject, by: [3])
        for site in town.sites {
            #expect(site.node.governance[action.digest]?.isClosed(on: site.node.chain) == true)
            let ended = site.notices.compactMap { if case .proposalEnded(let ended) = $0 { ended } else { nil } }
            #expect(ended.map(\.end) == [.rejected])
            #expect(ended.first?.verdicts.count == 2)
        }
        for sequence in 2...9 {
            let next = removal(town, UInt64(sequence))
            #expect(town.sites[0].node.refusal(of: town.signed(next, by: [0])) == nil)
            town.propose(next, by: [0])
        }
        // Its operators' signatures, sent again, do not open it.
        town.inject(.action(town.signed(action, by: [0, 1, 2, 3])), from: 3, to: 0)
        #expect(town.reach(2))
        #expect(town.chains.allSatisfy { $0.rules == town.genesis.rules })
    }

    @Test func rejectedProposal_whoseNumberIsUsedLater_staysRejected() throws {
        let town = try Town(count: 4)
        town.settle()
        let unwanted = town.action(.rules(town.otherRules))
        town.propose(unwanted, by: [0])
        town.judge(unwanted, .reject, by: [2, 3])
        let wanted = town.action(.rules(town.otherRules), sequence: 2)
        town.propose(wanted, by: [0, 1, 2])
        #expect(town.reach(1))
        for site in town.sites {
            let ended = site.notices.compactMap { if case .proposalEnded(let ended) = $0 { ended } else { nil } }
            #expect(ended.map(\.end) == [.rejected, .taken])
            #expect(ended.map(\.signed.action) == [unwanted, wanted])
        }
    }

    @Test func verdict_thatWasLostOnTheWay_comesBySummaries() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.propose(action, by: [0, 1])
        town.drops = { _, _, message in if case .verdict = message { true } else { false } }
        town.judge(action, .withdraw, by: [1])
        #expect(town.sites[0].node.governance[action.digest]?.supporters.count == 2)
        town.drops = { _, _, _ in false }
        #expect(town.run { town.sites.allSatisfy { $0.node.governance[action.digest]?.supporters.count == 1 } })
    }

    @Test func verdicts_outliveARestartAndAnAdoption() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.propose(action, by: [0, 1, 2])
        town.judge(action, .reject, by: [2, 3])
        #expect(town.reach(2))
        town.crash(0)
        try town.restart(0)
        town.settle()
        let pending = try #require(town.sites[0].node.governance[action.digest])
        #expect(pending.verdicts.count == 2 && pending.isClosed(on: town.chains[0]))
        #expect(town.reach(4))
        #expect(town.chains.allSatisfy { $0.rules == town.genesis.rules })
    }

    @Test func action_thatReadyRecordsName_isCarriedAlthoughItIsWithdrawn() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        // Every member names the action; no version is made yet.
        town.drops = { _, _, message in if case .proposal = message { true } else { false } }
        town.propose(action, by: [0, 1, 2])
        town.contributeAll()
        #expect(town.run { town.sites.allSatisfy { $0.node.height.own.ready != nil } })
        town.judge(action, .withdraw, by: [0, 1, 2])
        town.drops = { _, _, _ in false }
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.chains.allSatisfy { $0.rules == town.otherRules })
    }

    @Test func verdict_forgedOrByARetiredKey_isRefused() throws {
        let town = try Town(count: 4)
        town.settle()
        let action = town.action(.rules(town.otherRules))
        town.propose(action, by: [0, 1])
        let honest = town.judged(action, .reject, by: 2)
        let forged = JudgedProposal(
            action: action,
            verdict: SignedProposalVerdict(
                statement: honest.verdict.statement,
                signature: OperatorSignature(
                    signer: town.sites[1].identity.member, keyEpoch: 0,
                    signature: honest.verdict.signature.signature)))
        #expect(
            town.sites[0].node.refusal(of: forged) == .fault(.foreignSignature(town.sites[1].identity.member)))
        town.inject(.verdict(forged), from: 3, to: 0)
        town.settle()
        #expect(town.sites[0].node.governance[action.digest]?.verdicts.isEmpty == true)
        #expect(town.sites[0].notices.contains(.linkCutOff(town.sites[3].identity.member, .invalidSignature)))
        // An operator cannot withdraw a signature that it did not give, and a verdict is final.
        #expect(
            town.sites[2].node.refusal(of: town.judged(action, .withdraw, by: 2))
                == .notSigned(town.sites[2].identity.member))
        town.judge(action, .withdraw, by: [1])
        #expect(
            town.sites[1].node.refusal(of: town.signed(action, by: [1])) == .judged(town.sites[1].identity.member))
    }

    @Test func verdictsOfOneOperator_areBounded() throws {
        let town = try Town(count: 4)
        town.settle()
        for sequence in 1...60 {
            town.inject(.verdict(town.judged(removal(town, UInt64(sequence)), .withdraw, by: 3)), from: 3, to: 0)
        }
        town.settle()
        let held = town.sites[0].node.governance.actions.values.count { !$0.verdicts.isEmpty }
        #expect(held == GovernanceTable.Places(memberCount: 4).closedOfOperator)
        #expect(
            town.run { town.sites.allSatisfy { $0.node.governance.digests == town.sites[0].node.governance.digests } })
    }

    @Test(arguments: ["\u{1b}[31m", "a\nb", "a\u{202e}b", String(repeating: "a", count: 281), "\u{7f}", "\u{2028}"])
    func comment_thatCouldMisleadATerminal_isRefused(text: String) {
        #expect(Comment(text) == nil)
        let statement = CBOR.record([
            "verdict": .text("reject"), "action": .bytes(Digest.zero.bytes), "comment": .text(text),
        ])
        #expect(throws: RecordError.self) { try ProposalVerdictStatement(encoded: statement.encoded) }
    }

    @Test func comments_areEqualByTheirBytes() throws {
        let (composed, decomposed) = (try #require(Comment("\u{e9}")), try #require(Comment("e\u{301}")))
        #expect(composed != decomposed && Set([composed, decomposed]).count == 2)
    }
}
