import Crypto
import Ledger
import Testing

@testable import Gossip

/// Whose word counts for a recovery: the directed scenarios of protocol.md.
struct ReporterTests {
    private let nothing = DiskCopy(journal: [], adopted: [], pieces: [:])

    /// A quorum of others, not of all: the own empty report proves nothing.
    @Test func theOwnReportDoesNotCount() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        town.dropsReports(of: 3, to: 0)
        try town.restart(0, from: nothing)
        #expect(!town.run(milliseconds: 60_000) { !town.abstentions(of: 0).isEmpty })
        #expect(town.standing(0) == .recovering(answers: 2, needed: 3, isHopeless: false))
        town.drops = { _, _, _ in false }
        #expect(town.run { !town.abstentions(of: 0).isEmpty })
    }

    /// A report of an earlier start says how far the reporter was then.
    @Test func anOldReportSaysNothing() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.crash(0)
        try town.restart(0)
        town.settle()
        let old = town.sites[3].sent.compactMap { sent -> Signed<StartReport>? in
            if case .report(let report) = sent.message, sent.to == 0 { report } else { nil }
        }.last
        #expect(town.reach(4))
        town.dropsReports(of: 3, to: 0)
        try town.restart(0, from: nothing)
        town.settle()
        town.inject(.report(try #require(old)), from: 3, to: 0)
        #expect(!town.run(milliseconds: 60_000) { !town.abstentions(of: 0).isEmpty })
        #expect(town.sites[0].node.recovery.answers[town.sites[3].identity.member] == nil)
    }

    /// A question comes over many links: one answer serves them all for a while, and the next says what came since.
    @Test func anAnswerServesSeveralLinksAndThenIsMadeAnew() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let asker = town.sites[0].identity.member
        let instance = InstanceID(Digest(DigestDomain("test"), [8]))
        let question = StartQuestion(member: asker, instance: instance, isForPassingOn: false)
        func answers() -> [Signed<StartReport>] {
            town.sites[1].sent.compactMap { sent in
                if case .report(let report) = sent.message, report.body.instance == instance { report } else { nil }
            }
        }
        let vote = Vote.nullify(height: town.sites[1].node.chain.nextHeight, view: View(7))
        let signed = SignedStatement.vote(
            Signed(
                vote, signer: asker, key: town.sites[0].identity.nodeKey, network: town.genesis.network))
        town.inject(.question(question), from: 2, to: 1)
        town.settle()
        town.inject(.votes(town.votes(vote, by: [0])), from: 3, to: 1)
        town.settle()
        town.inject(.question(question), from: 3, to: 1)
        town.settle()
        #expect(answers().count == 2)
        #expect(answers()[0] == answers()[1])
        #expect(!answers()[0].body.statements.contains(signed))
        _ = town.run(milliseconds: 10_000) { false }
        town.inject(.question(question), from: 2, to: 1)
        town.settle()
        #expect(answers().count == 3)
        #expect(answers()[2].body.statements.contains(signed))
    }

    /// Two of seven lose their journals at once and a third says nothing: neither counts for the other.
    @Test func whoRecoversDoesNotCount() throws {
        let town = try Town(count: 7)
        #expect(town.reach(2))
        let signed = [0, 1].map { town.highestSigned(by: $0) }
        for index in [0, 1] { town.dropsReports(of: 6, to: index) }
        for index in [0, 1] { try town.restart(index, from: nothing) }
        #expect(!town.run(milliseconds: 60_000) { ![0, 1].allSatisfy { town.abstentions(of: $0).isEmpty } })
        for index in [0, 1] {
            #expect(town.standing(index) == .recovering(answers: 4, needed: 5, isHopeless: false))
        }
        town.drops = { _, _, _ in false }
        #expect(town.run { [0, 1].allSatisfy { !town.abstentions(of: $0).isEmpty } })
        for index in [0, 1] { #expect(signed[index] <= town.abstentions(of: index)[0]) }
        #expect(town.reach(9))
        #expect(town.sites.indices.allSatisfy { town.contradictions(of: $0).isEmpty })
    }

    /// It counts again once it has adopted the version that it abstains to, which lies beyond all that it ever signed.
    @Test func whoRecoveredAMomentAgoCountsFromItsAbstentionOn() throws {
        let town = try Town(count: 7)
        #expect(town.reach(2))
        try town.restart(0, from: nothing)
        #expect(town.run { !town.abstentions(of: 0).isEmpty })
        let until = town.abstentions(of: 0)[0]
        #expect(town.sites[0].node.chain.height < until)
        // Five others of the second are left: one says nothing, and one abstains.
        town.dropsReports(of: 6, to: 1)
        let signed = town.highestSigned(by: 1)
        try town.restart(1, from: nothing)
        #expect(!town.run(milliseconds: 30_000) { !town.abstentions(of: 1).isEmpty })
        #expect(town.reach(until.value))
        #expect(town.run { !town.abstentions(of: 1).isEmpty })
        #expect(town.abstentions(of: 1)[0] >= until)
        #expect(signed <= town.abstentions(of: 1)[0])
    }

    /// More than f: those that are left are no quorum, and each of the lost says so.
    @Test func moreThanTheFaultBoundRecoverInVain() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        for index in [0, 1] { try town.restart(index, from: nothing) }
        #expect(!town.run(milliseconds: 60_000) { !town.abstentions(of: 0).isEmpty })
        #expect(town.standing(0) == .recovering(answers: 2, needed: 3, isHopeless: true))
        #expect(town.standing(1) == .recovering(answers: 2, needed: 3, isHopeless: true))
    }
}

/// Two daemons with one key.
struct SecondInstanceTests {
    private func vote(by index: Int, at height: Height, in town: Town) -> Message {
        let vote = Vote(
            kind: .finalize, height: height, view: .first, version: VersionDigest(Digest(DigestDomain("test"), [5])))
        return .votes(town.votes(vote, by: [index]))
    }

    /// A signature that nobody here made is first taken for one of a lost journal; one beyond all that a lost journal
    /// can have held was made by somebody else.
    @Test func aSignatureBeyondTheAbstentionStopsTheDaemon() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        town.inject(vote(by: 0, at: Height(2), in: town), from: 1, to: 0)
        town.settle()
        #expect(town.losses(of: 0) == [.signatureReturned(Height(2))])
        #expect(town.run { !town.abstentions(of: 0).isEmpty })
        let until = try #require(town.abstentions(of: 0).first)
        town.inject(vote(by: 0, at: until, in: town), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.alarms.isEmpty)
        town.inject(vote(by: 0, at: until.next, in: town), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.alarms == [.secondInstance])
        #expect(town.sites[0].node.report(now: town.now).phase == .stopped)
    }

    @Test func aForgedSignatureOfAMemberMovesNobody() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let vote = Vote(
            kind: .finalize, height: Height(3), view: .first, version: VersionDigest(Digest(DigestDomain("test"), [5])))
        let signature = vote.signature(by: town.sites[1].identity.nodeKey, network: town.genesis.network)
        let forged = VoteCertificate(
            network: town.genesis.network, vote: vote,
            signatures: QuorumSignatures([0: signature], memberCount: town.sites.count))
        town.inject(.votes(forged), from: 1, to: 0)
        town.settle()
        #expect(town.losses(of: 0).isEmpty)
    }

    @Test func aLifeThatComesBackAgainAndAgainIsRivalled() {
        let lives = (UInt8(0)..<20).map { InstanceID(Digest(DigestDomain("test"), [$0])) }
        var log = InstanceLog()
        for life in lives { log.note(life) }
        #expect(lives.allSatisfy { !log.isRivalled($0) })
        log = InstanceLog()
        for life in [lives[0], lives[1], lives[0], lives[0]] { log.note(life) }
        #expect(!log.isRivalled(lives[0]))
        for life in [lives[1], lives[0]] { log.note(life) }
        #expect(log.isRivalled(lives[0]))
        log.note(lives[2])
        #expect(!log.isRivalled(lives[2]))
    }

    /// f members may say what they like; one more and an honest one has seen it.
    @Test func onlyMoreThanTheFaultBoundStopADaemon() throws {
        let town = try Town(count: 4)
        town.settle()
        let body = StartReport(
            member: town.sites[0].identity.member, instance: town.sites[0].node.recovery.instance, standing: .settled,
            height: .genesis, certificate: nil, isRivalled: true, statements: [])
        town.inject(.report(town.signed(body, by: 1)), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.alarms.isEmpty)
        town.inject(.report(town.signed(body, by: 2)), from: 2, to: 0)
        town.settle()
        #expect(town.sites[0].node.alarms == [.secondInstance])
    }

    /// Others see the lives of a key take turns on their links, and tell each of them.
    @Test func livesThatTakeTurnsOnALinkAreToldSo() throws {
        let town = try Town(count: 4)
        town.settle()
        let member = town.sites[0].identity.member
        let other = InstanceID(Digest(DigestDomain("test"), [8]))
        let own = town.sites[0].node.recovery.instance
        for life in [other, own, other, own] {
            town.inject(
                .question(StartQuestion(member: member, instance: life, isForPassingOn: false)), from: 0, to: 1)
            town.settle()
        }
        #expect(town.sites[1].node.recovery.instances[member]?.isRivalled(own) == true)
        #expect(town.sites[2].node.recovery.instances[member]?.isRivalled(own) == false)
    }
}
