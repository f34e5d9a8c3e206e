import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// Whose word counts for a recovery: the directed scenarios of protocol.md.
struct ReporterTests {
    private let nothing = DiskCopy(journal: [], adopted: [], pieces: [:])

    /// A quorum of others, not of all: the own empty report proves nothing.
    @Test func theOwnReportDoesNotCount() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        cluster.dropsReports(of: 3, to: 0)
        try cluster.restart(0, from: nothing)
        #expect(!cluster.run(milliseconds: 60_000) { !cluster.abstentions(of: 0).isEmpty })
        #expect(cluster.standing(0) == .recovering(answers: 2, needed: 3, isHopeless: false))
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { !cluster.abstentions(of: 0).isEmpty })
    }

    /// A report of an earlier start says how far the reporter was then.
    @Test func anOldReportSaysNothing() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        let old = cluster.sites[3].sent.compactMap { sent -> Signed<StartReport>? in
            if case .report(let report) = sent.message, sent.to == 0 { report } else { nil }
        }.last
        #expect(cluster.reach(4))
        cluster.dropsReports(of: 3, to: 0)
        try cluster.restart(0, from: nothing)
        cluster.settle()
        cluster.inject(.report(try #require(old)), from: 3, to: 0)
        #expect(!cluster.run(milliseconds: 60_000) { !cluster.abstentions(of: 0).isEmpty })
        #expect(cluster.sites[0].node.recovery.answers[cluster.sites[3].identity.member] == nil)
    }

    /// A question comes over many links: one answer serves them all for a while, and the next says what came since.
    @Test func anAnswerServesSeveralLinksAndThenIsMadeAnew() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let asker = cluster.sites[0].identity.member
        let instance = InstanceID(Digest(DigestDomain("test"), [8]))
        let question = StartQuestion(member: asker, instance: instance, isForPassingOn: false)
        func answers() -> [Signed<StartReport>] {
            cluster.sites[1].sent.compactMap { sent in
                if case .report(let report) = sent.message, report.body.instance == instance { report } else { nil }
            }
        }
        let vote = Vote.nullify(height: cluster.sites[1].node.chain.nextHeight, view: View(7))
        let signed = SignedStatement.vote(
            Signed(
                vote, signer: asker, key: cluster.sites[0].identity.nodeKey, network: cluster.genesis.network))
        cluster.inject(.question(question), from: 2, to: 1)
        cluster.settle()
        cluster.inject(.votes(cluster.votes(vote, by: [0])), from: 3, to: 1)
        cluster.settle()
        cluster.inject(.question(question), from: 3, to: 1)
        cluster.settle()
        #expect(answers().count == 2)
        #expect(answers()[0] == answers()[1])
        #expect(!answers()[0].body.statements.contains(signed))
        _ = cluster.run(milliseconds: 10_000) { false }
        cluster.inject(.question(question), from: 2, to: 1)
        cluster.settle()
        #expect(answers().count == 3)
        #expect(answers()[2].body.statements.contains(signed))
    }

    /// Two of seven lose their journals at once and a third says nothing: neither counts for the other.
    @Test func whoRecoversDoesNotCount() throws {
        let cluster = try Cluster(count: 7)
        #expect(cluster.reach(2))
        let signed = [0, 1].map { cluster.highestSigned(by: $0) }
        for index in [0, 1] { cluster.dropsReports(of: 6, to: index) }
        for index in [0, 1] { try cluster.restart(index, from: nothing) }
        #expect(!cluster.run(milliseconds: 60_000) { ![0, 1].allSatisfy { cluster.abstentions(of: $0).isEmpty } })
        for index in [0, 1] {
            #expect(cluster.standing(index) == .recovering(answers: 4, needed: 5, isHopeless: false))
        }
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { [0, 1].allSatisfy { !cluster.abstentions(of: $0).isEmpty } })
        for index in [0, 1] { #expect(signed[index] <= cluster.abstentions(of: index)[0]) }
        #expect(cluster.reach(9))
        #expect(cluster.sites.indices.allSatisfy { cluster.contradictions(of: $0).isEmpty })
    }

    /// It counts again once it has adopted the version that it abstains to, which lies beyond all that it ever signed.
    @Test func whoRecoveredAMomentAgoCountsFromItsAbstentionOn() throws {
        let cluster = try Cluster(count: 7)
        #expect(cluster.reach(2))
        try cluster.restart(0, from: nothing)
        #expect(cluster.run { !cluster.abstentions(of: 0).isEmpty })
        let until = cluster.abstentions(of: 0)[0]
        #expect(cluster.sites[0].node.chain.height < until)
        // Five others of the second are left: one says nothing, and one abstains.
        cluster.dropsReports(of: 6, to: 1)
        let signed = cluster.highestSigned(by: 1)
        try cluster.restart(1, from: nothing)
        #expect(!cluster.run(milliseconds: 30_000) { !cluster.abstentions(of: 1).isEmpty })
        #expect(cluster.reach(until.value))
        #expect(cluster.run { !cluster.abstentions(of: 1).isEmpty })
        #expect(cluster.abstentions(of: 1)[0] >= until)
        #expect(signed <= cluster.abstentions(of: 1)[0])
    }

    /// More than f: those that are left are no quorum, and each of the lost says so.
    @Test func moreThanTheFaultBoundRecoverInVain() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        for index in [0, 1] { try cluster.restart(index, from: nothing) }
        #expect(!cluster.run(milliseconds: 60_000) { !cluster.abstentions(of: 0).isEmpty })
        #expect(cluster.standing(0) == .recovering(answers: 2, needed: 3, isHopeless: true))
        #expect(cluster.standing(1) == .recovering(answers: 2, needed: 3, isHopeless: true))
    }
}

/// Two daemons with one key.
struct SecondInstanceTests {
    private func vote(by index: Int, at height: Height, in cluster: Cluster) -> Message {
        let vote = Vote(
            kind: .finalize, height: height, view: .first, version: VersionDigest(Digest(DigestDomain("test"), [5])))
        return .votes(cluster.votes(vote, by: [index]))
    }

    /// A signature that nobody here made is first taken for one of a lost journal; one beyond all that a lost journal
    /// can have held was made by somebody else.
    @Test func aSignatureBeyondTheAbstentionStopsTheDaemon() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        cluster.inject(vote(by: 0, at: Height(2), in: cluster), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.losses(of: 0) == [.signatureReturned(Height(2))])
        #expect(cluster.run { !cluster.abstentions(of: 0).isEmpty })
        let until = try #require(cluster.abstentions(of: 0).first)
        cluster.inject(vote(by: 0, at: until, in: cluster), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.alarms.isEmpty)
        cluster.inject(vote(by: 0, at: until.next, in: cluster), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.alarms == [.secondInstance])
        #expect(cluster.sites[0].node.report(now: cluster.now).phase == .stopped)
    }

    @Test func aForgedSignatureOfAMemberMovesNobody() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let vote = Vote(
            kind: .finalize, height: Height(3), view: .first, version: VersionDigest(Digest(DigestDomain("test"), [5])))
        let signature = vote.signature(by: cluster.sites[1].identity.nodeKey, network: cluster.genesis.network)
        let forged = VoteCertificate(
            network: cluster.genesis.network, vote: vote,
            signatures: QuorumSignatures([0: signature], memberCount: cluster.sites.count))
        cluster.inject(.votes(forged), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.losses(of: 0).isEmpty)
    }

    @Test func anInstanceThatReturnsRepeatedlyHasADuplicate() {
        let lives = (UInt8(0)..<20).map { InstanceID(Digest(DigestDomain("test"), [$0])) }
        var log = InstanceLog()
        for life in lives { log.note(life) }
        #expect(lives.allSatisfy { !log.hasDuplicateInstance($0) })
        log = InstanceLog()
        for life in [lives[0], lives[1], lives[0], lives[0]] { log.note(life) }
        #expect(!log.hasDuplicateInstance(lives[0]))
        for life in [lives[1], lives[0]] { log.note(life) }
        #expect(log.hasDuplicateInstance(lives[0]))
        log.note(lives[2])
        #expect(!log.hasDuplicateInstance(lives[2]))
    }

    /// f members may say what they like; one more and an honest one has seen it.
    @Test func onlyMoreThanTheFaultBoundStopADaemon() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let body = StartReport(
            member: cluster.sites[0].identity.member, instance: cluster.sites[0].node.recovery.instance,
            standing: .settled,
            height: .genesis, certificate: nil, hasDuplicateInstance: true, statements: [])
        cluster.inject(.report(cluster.signed(body, by: 1)), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.alarms.isEmpty)
        cluster.inject(.report(cluster.signed(body, by: 2)), from: 2, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.alarms == [.secondInstance])
    }

    /// Others see the lives of a key take turns on their links, and tell each of them.
    @Test func livesThatTakeTurnsOnALinkAreToldSo() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let member = cluster.sites[0].identity.member
        let other = InstanceID(Digest(DigestDomain("test"), [8]))
        let own = cluster.sites[0].node.recovery.instance
        for life in [other, own, other, own] {
            cluster.inject(
                .question(StartQuestion(member: member, instance: life, isForPassingOn: false)), from: 0, to: 1)
            cluster.settle()
        }
        #expect(cluster.sites[1].node.recovery.instances[member]?.hasDuplicateInstance(own) == true)
        #expect(cluster.sites[2].node.recovery.instances[member]?.hasDuplicateInstance(own) == false)
    }
}
