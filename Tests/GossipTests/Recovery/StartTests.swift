import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// What a start asks and waits for while nothing is lost.
struct StartTests {
    @Test(arguments: [1, 2, 3, 4, 7]) func aBrandNewMeshStartsWithoutAnybodysJournal(count: Int) throws {
        let cluster = try Cluster(count: count)
        cluster.settle()
        #expect(cluster.sites.allSatisfy { $0.node.recovery.isOpen })
        #expect(cluster.reach(3))
        #expect(cluster.sites.indices.allSatisfy { cluster.losses(of: $0).isEmpty })
    }

    @Test func aMemberWithoutPeersSignsNothingUntilEnoughAreThere() throws {
        let cluster = try Cluster(count: 4)
        for index in 1...3 { cluster.crash(index) }
        cluster.settle()
        cluster.contribute(0)
        cluster.settle()
        func hasSigned() -> Bool {
            cluster.sites[0].journal.contains { if case .ownContribution = $0 { true } else { false } }
        }
        #expect(cluster.standing(0) == .asking(answers: 0, needed: 2))
        #expect(!hasSigned())
        try cluster.restart(1)
        #expect(!cluster.run(milliseconds: 30_000) { cluster.standing(0) == .free })
        #expect(!hasSigned())
        try cluster.restart(2)
        #expect(cluster.run { cluster.standing(0) == .free })
        #expect(hasSigned())
        #expect(cluster.reach(2))
    }

    @Test(arguments: [1, 4, 7]) func allCrashAtOnceAndGoOnWithIntactJournals(count: Int) throws {
        let cluster = try Cluster(count: count)
        cluster.dropsFinalizing(Height(2))
        #expect(cluster.reach(1))
        cluster.contributeAll()
        cluster.settle()
        for index in cluster.sites.indices { cluster.crash(index) }
        cluster.drops = { _, _, _ in false }
        for index in cluster.sites.indices { try cluster.restart(index) }
        cluster.settle()
        #expect(cluster.sites.allSatisfy { $0.node.recovery.isOpen })
        #expect(cluster.reach(4))
        #expect(cluster.sites.indices.allSatisfy { cluster.losses(of: $0).isEmpty })
        #expect(cluster.sites.indices.allSatisfy { cluster.contradictions(of: $0).isEmpty })
    }

    /// One exchange with the others, no deadline, and it votes where it left off.
    @Test func aRestartWithItsJournalSignsAfterOneExchange() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        cluster.crash(1)
        try cluster.restart(1)
        let before = cluster.now
        cluster.settle()
        #expect(cluster.standing(1) == .free)
        #expect(cluster.now == before)
        #expect(cluster.losses(of: 1).isEmpty)
    }

    /// It signs nothing at heights that others have decided: an older journal could contradict it there.
    @Test func nothingIsSignedBeforeTheOthersVersionsAreAdopted() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let backup = cluster.backup(3)
        cluster.crash(3)
        #expect(cluster.reach(5))
        let isVersion: (Message) -> Bool = { if case .certified = $0 { true } else { false } }
        cluster.drops = { _, to, message in to == 3 && isVersion(message) }
        try cluster.restart(3, from: backup)
        #expect(!cluster.run(milliseconds: 30_000) { cluster.standing(3) == .free })
        #expect(cluster.sites[3].journal.count == backup.journal.count)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.reach(7))
        #expect(cluster.losses(of: 3).isEmpty)
        #expect(cluster.contradictions(of: 3).isEmpty)
    }

    /// Members that cannot reach each other ask through one that both reach.
    @Test func answersComeThroughAMemberThatBothReach() throws {
        let cluster = try Cluster(count: 4)
        cluster.drops = { from, to, _ in (from == 0 && to >= 2) || (to == 0 && from >= 2) }
        #expect(cluster.run(milliseconds: 30_000) { cluster.standing(0) == .free })
        #expect(cluster.sites[0].node.recovery.answers.count == 3)
    }

    /// Whoever knows the asker's instance may claim to pass on what another said: it takes nobody's place at a relay.
    @Test func forgedReportsDoNotKeepTheRealOneFromBeingPassedOn() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.crash(0)
        cluster.dropsReports(of: 3, to: 0)
        try cluster.restart(0)
        cluster.unlink(0, 2)
        let (asker, reporter) = (cluster.sites[0].identity.member, cluster.sites[2].identity.member)
        let body = StartReport(
            member: asker, instance: cluster.sites[0].node.recovery.instance, standing: .settled, height: .genesis,
            certificate: nil, hasDuplicateInstance: false, statements: [])
        let forged = Signed(signer: reporter, body: body, signature: cluster.signed(body, by: 3).signature)
        let earlier = cluster.drops
        // Each time before the real one can come.
        cluster.drops = { [unowned cluster] from, to, message in
            if case .question(let question) = message, question.member == asker, from == 1, to == 2 {
                cluster.inject(.report(forged), from: 3, to: 1)
            }
            return from == 3 && to == 0 || earlier(from, to, message)
        }
        #expect(cluster.run(milliseconds: 30_000) { cluster.standing(0) == .free })
        #expect(cluster.sites[0].node.recovery.answers[reporter] != nil)
        let forgedThatCame = cluster.sites[1].sent.count { sent in
            if case .report(forged) = sent.message { sent.to == 0 } else { false }
        }
        #expect(forgedThatCame == 0)
    }

    /// Who has a link to the asker answers for itself: on its behalf only the one without is asked.
    @Test func aQuestionIsPassedOnToWhoHasNoLinkToTheAsker() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(0)
        cluster.dropsReports(of: 2, to: 0)
        let before = cluster.sites.map(\.sent.count)
        try cluster.restart(0)
        cluster.unlink(0, 3)
        #expect(cluster.run(milliseconds: 30_000) { cluster.standing(0) == .free })
        #expect(passedQuestions(of: 0, in: cluster, since: before).map(\.to) == [3, 3])
    }

    /// A link may stand and bring nothing: from the third time on everybody is asked.
    @Test func aQuestionInAFullMeshIsPassedOnFromTheThirdTimeOn() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(0)
        for reporter in [2, 3] { cluster.dropsReports(of: reporter, to: 0) }
        let before = cluster.sites.map(\.sent.count)
        try cluster.restart(0)
        func asked() -> Int {
            cluster.sites[0].sent[before[0]...].count { sent in
                guard case .question(let question) = sent.message else { return false }
                return sent.to == 1 && question.isForPassingOn
            }
        }
        #expect(cluster.run(milliseconds: 60_000) { asked() == 2 })
        #expect(passedQuestions(of: 0, in: cluster, since: before).isEmpty)
        #expect(cluster.run(milliseconds: 60_000) { asked() == 3 })
        #expect(Set(passedQuestions(of: 0, in: cluster, since: before).map(\.to)) == [1, 2, 3])
    }

    private func passedQuestions(of asker: Int, in cluster: Cluster, since: [Int]) -> [(from: Int, to: Int)] {
        cluster.sites.indices.filter { $0 != asker }.flatMap { from in
            cluster.sites[from].sent[since[from]...].compactMap { sent in
                guard case .question(let question) = sent.message,
                    question.member == cluster.sites[asker].identity.member
                else { return nil }
                return (from, sent.to)
            }
        }
    }

    /// One member that says it is far ahead is not believed, and holds nobody up.
    @Test func anOverclaimDoesNotDelayAStart() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.drops = { from, to, message in
            if case .report = message { from == 3 && to == 0 } else { false }
        }
        cluster.crash(0)
        try cluster.restart(0)
        let height = Height(1_000_000)
        let vote = Vote(
            kind: .finalize, height: height, view: .first, version: VersionDigest(Digest(DigestDomain("test"), [3])))
        let body = StartReport(
            member: cluster.sites[0].identity.member, instance: cluster.sites[0].node.recovery.instance,
            standing: .settled,
            height: height, certificate: cluster.votes(vote, by: [3]), hasDuplicateInstance: false, statements: [])
        cluster.settleUntil { if case .question = $0 { true } else { false } }
        cluster.inject(.report(cluster.signed(body, by: 3)), from: 3, to: 0)
        cluster.settle()
        #expect(cluster.standing(0) == .free)
        #expect(cluster.sites[0].node.answers([.settled]) == 2)
    }

    @Test func aReportWithoutItsSignatureCutsTheLink() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let body = StartReport(
            member: cluster.sites[0].identity.member, instance: cluster.sites[0].node.recovery.instance,
            standing: .settled,
            height: .genesis, certificate: nil, hasDuplicateInstance: true, statements: [])
        let forged = Signed(
            signer: cluster.sites[2].identity.member, body: body, signature: cluster.signed(body, by: 1).signature)
        cluster.inject(.report(forged), from: 2, to: 0)
        cluster.settle()
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[2].identity.member, .invalidSignature)))
        // Whoever merely passed it on is not to blame.
        cluster.inject(.report(forged), from: 3, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.linkedMembers.contains(cluster.sites[3].identity.member))
    }

    /// Nobody can be made to sign reports, or to pass them on, as fast as questions come.
    @Test func questionsAreAnsweredNowAndThen() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let before = cluster.sites[0].sent.count
        let question = StartQuestion(
            member: cluster.sites[1].identity.member, instance: InstanceID(Digest(DigestDomain("test"), [7])),
            isForPassingOn: true)
        for _ in 0..<100 { cluster.inject(.question(question), from: 1, to: 0) }
        cluster.settle()
        #expect(cluster.sites[0].sent[before...].count <= 3)
    }
}

extension Cluster {
    func signed<Body: Statement>(_ body: Body, by index: Int) -> Signed<Body> {
        Signed(
            body, signer: sites[index].identity.member, key: sites[index].identity.nodeKey, network: genesis.network)
    }
}
