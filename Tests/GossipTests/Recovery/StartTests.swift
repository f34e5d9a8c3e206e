import Crypto
import Ledger
import Testing

@testable import Gossip

/// What a start asks and waits for while nothing is lost.
struct StartTests {
    @Test(arguments: [1, 2, 3, 4, 7]) func aBrandNewMeshStartsWithoutAnybodysJournal(count: Int) throws {
        let town = try Town(count: count)
        town.settle()
        #expect(town.sites.allSatisfy { $0.node.recovery.isOpen })
        #expect(town.reach(3))
        #expect(town.sites.indices.allSatisfy { town.losses(of: $0).isEmpty })
    }

    @Test func aMemberWithoutPeersSignsNothingUntilEnoughAreThere() throws {
        let town = try Town(count: 4)
        for index in 1...3 { town.crash(index) }
        town.settle()
        town.contribute(0)
        town.settle()
        func hasSigned() -> Bool {
            town.sites[0].journal.contains { if case .ownContribution = $0 { true } else { false } }
        }
        #expect(town.standing(0) == .asking(answers: 0, needed: 2))
        #expect(!hasSigned())
        try town.restart(1)
        #expect(!town.run(milliseconds: 30_000) { town.standing(0) == .free })
        #expect(!hasSigned())
        try town.restart(2)
        #expect(town.run { town.standing(0) == .free })
        #expect(hasSigned())
        #expect(town.reach(2))
    }

    @Test(arguments: [1, 4, 7]) func allCrashAtOnceAndGoOnWithIntactJournals(count: Int) throws {
        let town = try Town(count: count)
        town.dropsFinalizing(Height(2))
        #expect(town.reach(1))
        town.contributeAll()
        town.settle()
        for index in town.sites.indices { town.crash(index) }
        town.drops = { _, _, _ in false }
        for index in town.sites.indices { try town.restart(index) }
        town.settle()
        #expect(town.sites.allSatisfy { $0.node.recovery.isOpen })
        #expect(town.reach(4))
        #expect(town.sites.indices.allSatisfy { town.losses(of: $0).isEmpty })
        #expect(town.sites.indices.allSatisfy { town.contradictions(of: $0).isEmpty })
    }

    /// One exchange with the others, no deadline, and it votes where it left off.
    @Test func aRestartWithItsJournalSignsAfterOneExchange() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        town.crash(1)
        try town.restart(1)
        let before = town.now
        town.settle()
        #expect(town.standing(1) == .free)
        #expect(town.now == before)
        #expect(town.losses(of: 1).isEmpty)
    }

    /// It signs nothing at heights that others have decided: an older journal could contradict it there.
    @Test func nothingIsSignedBeforeTheOthersVersionsAreAdopted() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let backup = town.backup(3)
        town.crash(3)
        #expect(town.reach(5))
        let isVersion: (Message) -> Bool = { if case .certified = $0 { true } else { false } }
        town.drops = { _, to, message in to == 3 && isVersion(message) }
        try town.restart(3, from: backup)
        #expect(!town.run(milliseconds: 30_000) { town.standing(3) == .free })
        #expect(town.sites[3].journal.count == backup.journal.count)
        town.drops = { _, _, _ in false }
        #expect(town.reach(7))
        #expect(town.losses(of: 3).isEmpty)
        #expect(town.contradictions(of: 3).isEmpty)
    }

    /// Members that cannot reach each other ask through one that both reach.
    @Test func answersComeThroughAMemberThatBothReach() throws {
        let town = try Town(count: 4)
        town.drops = { from, to, _ in (from == 0 && to >= 2) || (to == 0 && from >= 2) }
        #expect(town.run(milliseconds: 30_000) { town.standing(0) == .free })
        #expect(town.sites[0].node.recovery.answers.count == 3)
    }

    /// Whoever knows the asker's instance may claim to pass on what another said: it takes nobody's place at a relay.
    @Test func forgedReportsDoNotKeepTheRealOneFromBeingPassedOn() throws {
        let town = try Town(count: 4)
        town.settle()
        town.crash(0)
        town.dropsReports(of: 3, to: 0)
        try town.restart(0)
        town.unlink(0, 2)
        let (asker, reporter) = (town.sites[0].identity.member, town.sites[2].identity.member)
        let body = StartReport(
            member: asker, instance: town.sites[0].node.recovery.instance, standing: .settled, height: .genesis,
            certificate: nil, isRivalled: false, statements: [])
        let forged = Signed(signer: reporter, body: body, signature: town.signed(body, by: 3).signature)
        let earlier = town.drops
        // Each time before the real one can come.
        town.drops = { [unowned town] from, to, message in
            if case .question(let question) = message, question.member == asker, from == 1, to == 2 {
                town.inject(.report(forged), from: 3, to: 1)
            }
            return from == 3 && to == 0 || earlier(from, to, message)
        }
        #expect(town.run(milliseconds: 30_000) { town.standing(0) == .free })
        #expect(town.sites[0].node.recovery.answers[reporter] != nil)
        let forgedThatCame = town.sites[1].sent.count { sent in
            if case .report(forged) = sent.message { sent.to == 0 } else { false }
        }
        #expect(forgedThatCame == 0)
    }

    /// Who has a link to the asker answers for itself: on its behalf only the one without is asked.
    @Test func aQuestionIsPassedOnToWhoHasNoLinkToTheAsker() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(0)
        town.dropsReports(of: 2, to: 0)
        let before = town.sites.map(\.sent.count)
        try town.restart(0)
        town.unlink(0, 3)
        #expect(town.run(milliseconds: 30_000) { town.standing(0) == .free })
        #expect(passedQuestions(of: 0, in: town, since: before).map(\.to) == [3, 3])
    }

    /// A link may stand and bring nothing: from the third time on everybody is asked.
    @Test func aQuestionInAFullMeshIsPassedOnFromTheThirdTimeOn() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(0)
        for reporter in [2, 3] { town.dropsReports(of: reporter, to: 0) }
        let before = town.sites.map(\.sent.count)
        try town.restart(0)
        func asked() -> Int {
            town.sites[0].sent[before[0]...].count { sent in
                guard case .question(let question) = sent.message else { return false }
                return sent.to == 1 && question.isForPassingOn
            }
        }
        #expect(town.run(milliseconds: 60_000) { asked() == 2 })
        #expect(passedQuestions(of: 0, in: town, since: before).isEmpty)
        #expect(town.run(milliseconds: 60_000) { asked() == 3 })
        #expect(Set(passedQuestions(of: 0, in: town, since: before).map(\.to)) == [1, 2, 3])
    }

    private func passedQuestions(of asker: Int, in town: Town, since: [Int]) -> [(from: Int, to: Int)] {
        town.sites.indices.filter { $0 != asker }.flatMap { from in
            town.sites[from].sent[since[from]...].compactMap { sent in
                guard case .question(let question) = sent.message,
                    question.member == town.sites[asker].identity.member
                else { return nil }
                return (from, sent.to)
            }
        }
    }

    /// One member that says it is far ahead is not believed, and holds nobody up.
    @Test func aBoasterDoesNotHoldUpAStart() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.drops = { from, to, message in
            if case .report = message { from == 3 && to == 0 } else { false }
        }
        town.crash(0)
        try town.restart(0)
        let height = Height(1_000_000)
        let vote = Vote(
            kind: .finalize, height: height, view: .first, version: VersionDigest(Digest(DigestDomain("test"), [3])))
        let body = StartReport(
            member: town.sites[0].identity.member, instance: town.sites[0].node.recovery.instance, standing: .settled,
            height: height, certificate: town.votes(vote, by: [3]), isRivalled: false, statements: [])
        town.settleUntil { if case .question = $0 { true } else { false } }
        town.inject(.report(town.signed(body, by: 3)), from: 3, to: 0)
        town.settle()
        #expect(town.standing(0) == .free)
        #expect(town.sites[0].node.answers([.settled]) == 2)
    }

    @Test func aReportWithoutItsSignatureCutsTheLink() throws {
        let town = try Town(count: 4)
        town.settle()
        let body = StartReport(
            member: town.sites[0].identity.member, instance: town.sites[0].node.recovery.instance, standing: .settled,
            height: .genesis, certificate: nil, isRivalled: true, statements: [])
        let forged = Signed(
            signer: town.sites[2].identity.member, body: body, signature: town.signed(body, by: 1).signature)
        town.inject(.report(forged), from: 2, to: 0)
        town.settle()
        #expect(
            town.sites[0].notices.contains(.linkCutOff(town.sites[2].identity.member, .invalidSignature)))
        // Whoever merely passed it on is not to blame.
        town.inject(.report(forged), from: 3, to: 0)
        town.settle()
        #expect(town.sites[0].node.linkedMembers.contains(town.sites[3].identity.member))
    }

    /// Nobody can be made to sign reports, or to pass them on, as fast as questions come.
    @Test func questionsAreAnsweredNowAndThen() throws {
        let town = try Town(count: 4)
        town.settle()
        let before = town.sites[0].sent.count
        let question = StartQuestion(
            member: town.sites[1].identity.member, instance: InstanceID(Digest(DigestDomain("test"), [7])),
            isForPassingOn: true)
        for _ in 0..<100 { town.inject(.question(question), from: 1, to: 0) }
        town.settle()
        #expect(town.sites[0].sent[before...].count <= 3)
    }
}

extension Town {
    func signed<Body: Statement>(_ body: Body, by index: Int) -> Signed<Body> {
        Signed(
            body, signer: sites[index].identity.member, key: sites[index].identity.nodeKey, network: genesis.network)
    }
}
