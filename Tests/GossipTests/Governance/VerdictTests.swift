import Crypto
import Ledger
import Testing

@testable import Gossip

@Suite struct VerdictTests {
    private func removal(_ cluster: Cluster, _ sequence: UInt64) -> GovernanceAction {
        cluster.action(.remove(cluster.sites[1].identity.member), sequence: sequence)
    }

    @Test func operator_withEightMistakenProposals_rotatesItsKeysAndWithdraws() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let mistakes = (1...8).map { removal(cluster, UInt64($0)) }
        for mistake in mistakes { cluster.propose(mistake, by: [3]) }
        let ninth = removal(cluster, 9)
        let signer = cluster.sites[3].identity.member
        #expect(cluster.sites[3].node.refusal(of: cluster.signed(ninth, by: [3])) == .tooManyPending(signer))
        // A rotation of its own keys has a place of its own.
        let (member, key) = cluster.rotated(3)
        let rotation = cluster.action(.rotate(member))
        #expect(cluster.sites[3].node.refusal(of: cluster.signed(rotation, by: [3], possession: key)) == nil)
        // What is withdrawn gives its place back, at every node.
        cluster.judge(mistakes[0], .withdraw, by: [3])
        #expect(cluster.sites[3].node.refusal(of: cluster.signed(ninth, by: [3])) == nil)
        cluster.propose(ninth, by: [3])
        for site in cluster.sites {
            #expect(site.node.governance[mistakes[0].digest]?.isClosed(on: site.node.chain) == true)
            #expect(site.node.governance[ninth.digest]?.supporters == [signer])
        }
    }

    /// A stolen key can be replaced whatever mistakes lie about: neither its owner nor those who must agree are locked
    /// out.
    @Test func rotation_whereEveryOperatorHasEightMistakes_isSignedAndCarried() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for signer in 0..<4 {
            for sequence in 1...8 {
                cluster.propose(removal(cluster, UInt64(10 * signer + sequence)), by: [signer])
            }
        }
        let mistakes = Set(cluster.sites[0].node.governance.digests)
        #expect(mistakes.count == 32)
        let (member, key) = cluster.rotated(3)
        let rotation = cluster.action(.rotate(member))
        // Its owner signs first; later signers need no place.
        for signer in [3, 0, 1] {
            #expect(
                cluster.sites[signer].node.refusal(of: cluster.signed(rotation, by: [signer], possession: key)) == nil)
            cluster.propose(rotation, by: [signer], possession: key)
        }
        for site in cluster.sites {
            #expect(site.node.governance[rotation.digest]?.supporters.count == 3)
            #expect(mistakes.isSubset(of: site.node.governance.digests), "it takes no other place")
        }
        #expect(cluster.reach(1))
        #expect(cluster.chains.allSatisfy { $0.members[member.id]?.keyEpoch == 1 })
    }

    @Test func rotations_ofOneOperator_areBounded() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let places = GovernanceTable.Places(memberCount: 4)
        let room = places.rotationsOfOperator + places.othersOfOperator
        let member = cluster.sites[3].identity.member
        for sequence in 1...UInt64(room + 3) {
            let (rotated, key) = cluster.rotated(3)
            cluster.propose(cluster.action(.rotate(rotated), sequence: sequence), by: [3], possession: key)
        }
        for site in cluster.sites {
            #expect(site.node.governance.digests.count == room)
            #expect(site.node.governance.actions.values.allSatisfy { $0.supporters == [member] })
        }
        // Another operator's places are as free as before.
        #expect(cluster.sites[2].node.refusal(of: cluster.signed(removal(cluster, 1), by: [2])) == nil)
    }

    @Test func withdrawnSignature_thatAPeerSendsAgain_doesNotCount() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.propose(action, by: [1, 2])
        cluster.judge(action, .withdraw, by: [2])
        cluster.propose(action, by: [3])
        for index in 0..<3 { cluster.inject(.action(cluster.signed(action, by: [2])), from: 3, to: index) }
        #expect(cluster.reach(3))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.genesis.rules })
        #expect(cluster.sites.allSatisfy { $0.node.governance[action.digest]?.supporters.count == 2 })
        // Two more support it: then it has enough without the one that withdrew.
        cluster.propose(action, by: [0])
        #expect(cluster.reach(4))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.otherRules })
    }

    @Test func withdrawal_arrivesBeforeTheSignature_counts() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.inject(.verdict(cluster.judged(action, .withdraw, by: 2)), from: 2, to: 0)
        cluster.settle()
        cluster.inject(.action(cluster.signed(action, by: [2])), from: 2, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.governance[action.digest]?.operators.isEmpty == true)
        #expect(cluster.sites[0].node.governance[action.digest]?.isClosed(on: cluster.chains[0]) == true)
    }

    @Test func proposal_rejectedByAsManyAsItTakes_isClosedAndTakesNoPlace() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.propose(action, by: [0, 1])
        cluster.judge(action, .reject, by: [2])
        #expect(cluster.sites.allSatisfy { $0.node.governance[action.digest]?.isClosed(on: $0.node.chain) == false })
        cluster.judge(action, .reject, by: [3])
        for site in cluster.sites {
            #expect(site.node.governance[action.digest]?.isClosed(on: site.node.chain) == true)
            let ended = site.notices.compactMap { if case .proposalEnded(let ended) = $0 { ended } else { nil } }
            #expect(ended.map(\.end) == [.rejected])
            #expect(ended.first?.verdicts.count == 2)
        }
        for sequence in 2...9 {
            let next = removal(cluster, UInt64(sequence))
            #expect(cluster.sites[0].node.refusal(of: cluster.signed(next, by: [0])) == nil)
            cluster.propose(next, by: [0])
        }
        // Its operators' signatures, sent again, do not open it.
        cluster.inject(.action(cluster.signed(action, by: [0, 1, 2, 3])), from: 3, to: 0)
        #expect(cluster.reach(2))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.genesis.rules })
    }

    @Test func rejectedProposal_whoseNumberIsUsedLater_staysRejected() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let unwanted = cluster.action(.rules(cluster.otherRules))
        cluster.propose(unwanted, by: [0])
        cluster.judge(unwanted, .reject, by: [2, 3])
        let wanted = cluster.action(.rules(cluster.otherRules), sequence: 2)
        cluster.propose(wanted, by: [0, 1, 2])
        #expect(cluster.reach(1))
        for site in cluster.sites {
            let ended = site.notices.compactMap { if case .proposalEnded(let ended) = $0 { ended } else { nil } }
            #expect(ended.map(\.end) == [.rejected, .taken])
            #expect(ended.map(\.signed.action) == [unwanted, wanted])
        }
    }

    @Test func verdict_thatWasLostOnTheWay_comesBySummaries() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.propose(action, by: [0, 1])
        cluster.drops = { _, _, message in if case .verdict = message { true } else { false } }
        cluster.judge(action, .withdraw, by: [1])
        #expect(cluster.sites[0].node.governance[action.digest]?.supporters.count == 2)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.sites.allSatisfy { $0.node.governance[action.digest]?.supporters.count == 1 } })
    }

    @Test func verdicts_outliveARestartAndAnAdoption() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.propose(action, by: [0, 1, 2])
        cluster.judge(action, .reject, by: [2, 3])
        #expect(cluster.reach(2))
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        let pending = try #require(cluster.sites[0].node.governance[action.digest])
        #expect(pending.verdicts.count == 2 && pending.isClosed(on: cluster.chains[0]))
        #expect(cluster.reach(4))
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.genesis.rules })
    }

    @Test func action_thatReadyRecordsName_isCarriedAlthoughItIsWithdrawn() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        // Every member names the action; no version is made yet.
        cluster.drops = { _, _, message in if case .proposal = message { true } else { false } }
        cluster.propose(action, by: [0, 1, 2])
        cluster.contributeAll()
        #expect(cluster.run { cluster.sites.allSatisfy { $0.node.height.own.ready != nil } })
        cluster.judge(action, .withdraw, by: [0, 1, 2])
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.otherRules })
    }

    @Test func verdict_forgedOrByARetiredKey_isRefused() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let action = cluster.action(.rules(cluster.otherRules))
        cluster.propose(action, by: [0, 1])
        let honest = cluster.judged(action, .reject, by: 2)
        let forged = JudgedProposal(
            action: action,
            verdict: SignedProposalVerdict(
                statement: honest.verdict.statement,
                signature: OperatorSignature(
                    signer: cluster.sites[1].identity.member, keyEpoch: 0,
                    signature: honest.verdict.signature.signature)))
        #expect(
            cluster.sites[0].node.refusal(of: forged) == .fault(.foreignSignature(cluster.sites[1].identity.member)))
        cluster.inject(.verdict(forged), from: 3, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.governance[action.digest]?.verdicts.isEmpty == true)
        #expect(cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[3].identity.member, .invalidSignature)))
        // An operator cannot withdraw a signature that it did not give, and a verdict is final.
        #expect(
            cluster.sites[2].node.refusal(of: cluster.judged(action, .withdraw, by: 2))
                == .notSigned(cluster.sites[2].identity.member))
        cluster.judge(action, .withdraw, by: [1])
        #expect(
            cluster.sites[1].node.refusal(of: cluster.signed(action, by: [1]))
                == .judged(cluster.sites[1].identity.member))
    }

    @Test func verdictsOfOneOperator_areBounded() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for sequence in 1...60 {
            cluster.inject(
                .verdict(cluster.judged(removal(cluster, UInt64(sequence)), .withdraw, by: 3)), from: 3, to: 0)
        }
        cluster.settle()
        let held = cluster.sites[0].node.governance.actions.values.count { !$0.verdicts.isEmpty }
        #expect(held == GovernanceTable.Places(memberCount: 4).closedOfOperator)
        #expect(
            cluster.run {
                cluster.sites.allSatisfy { $0.node.governance.digests == cluster.sites[0].node.governance.digests }
            })
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
