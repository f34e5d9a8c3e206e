import Crypto
import Ledger
import Testing

@testable import Gossip

/// What forged signatures cost their sender, for message kinds whose false signatures may come in good faith.
@Suite struct CheckBudgetTests {
    private func forgedAddress(_ town: Town, of member: Int, sequence: UInt64) -> Message {
        let id = town.sites[member].identity.member
        let record = AddressRecord(member: id, addresses: ["127.0.0.1:1"], sequence: sequence)
        return .address(
            Signed(record, signer: id, key: town.sites[1].identity.nodeKey, network: town.genesis.network))
    }

    private func isCutOff(_ town: Town, _ member: Int) -> Bool {
        town.sites[0].notices.contains(.linkCutOff(town.sites[member].identity.member, .tooManyFailedChecks))
    }

    @Test func aPeerThatSendsForgedAddressRecordsIsCutOffAfterItsBudget() throws {
        let town = try Town(count: 4)
        town.settle()
        let limit = CheckBudgets.limit(memberCount: 4)
        for sequence in 1...limit {
            town.inject(forgedAddress(town, of: 2, sequence: 1_000 + UInt64(sequence)), from: 1, to: 0)
        }
        town.settle()
        #expect(!isCutOff(town, 1))
        let before = town.sites[0].node.signaturesComputed
        for sequence in 1...1_000 {
            town.inject(forgedAddress(town, of: 2, sequence: 10_000 + UInt64(sequence)), from: 1, to: 0)
        }
        town.settle()
        #expect(isCutOff(town, 1))
        #expect(town.sites[0].node.signaturesComputed == before + 1)
    }

    /// The budget is the member's: a new link does not begin anew, and time alone gives it back.
    @Test func aNewLinkDoesNotGiveTheBudgetBack() {
        var budgets = CheckBudgets()
        let member = MemberID(Digest(DigestDomain("test"), [1]))
        func at(_ milliseconds: UInt64) -> Instant { Instant(milliseconds: milliseconds) }
        budgets.charge(10, to: member, now: at(1_000), forgivingEvery: 100)
        #expect(budgets.count(of: member, now: at(1_099), forgivingEvery: 100) == 10)
        #expect(budgets.count(of: member, now: at(1_300), forgivingEvery: 100) == 7)
        budgets.charge(1, to: member, now: at(1_350), forgivingEvery: 100)
        #expect(budgets.count(of: member, now: at(1_350), forgivingEvery: 100) == 8)
        #expect(budgets.count(of: member, now: at(2_200), forgivingEvery: 100) == 0)
    }

    /// A report may carry hundreds of statements in the name of the node that asked: one forged one is enough.
    @Test func ofForgedStatementsInTheNodesOwnNameOneIsChecked() throws {
        let town = try Town(count: 4)
        town.settle()
        let own = town.sites[0].identity.member
        let key = town.sites[1].identity.nodeKey
        let statements = (1...200).map { view in
            SignedStatement.vote(
                Signed(
                    Vote.nullify(height: Height(1), view: View(UInt32(view))), signer: own, key: key,
                    network: town.genesis.network))
        }
        let report = StartReport(
            member: own, instance: town.sites[0].node.recovery.instance, standing: .settled, height: .genesis,
            certificate: nil, isRivalled: false, statements: statements)
        let before = town.sites[0].node.signaturesComputed
        let signed = Signed(
            report, signer: town.sites[1].identity.member, key: key, network: town.genesis.network)
        town.inject(.report(signed), from: 1, to: 0)
        town.settle()
        #expect(town.sites[0].node.signaturesComputed - before == 2)
        #expect(!town.sites[0].node.recovery.isLost)
    }

    /// What site 3 answers to the start of site 0: signed by site 3 or by nobody, with a signature of site 0 that nobody made.
    private func report(_ town: Town, isSigned: Bool) -> Signed<StartReport> {
        let identity = town.sites[3].identity
        let asker = town.sites[0].node
        let forged = Ready(height: asker.height.height.next.next, parent: VersionDigest(.zero), slots: [])
        let body = StartReport(
            member: asker.identity.member, instance: asker.recovery.instance, standing: .settled,
            height: asker.chain.height, certificate: nil, isRivalled: false,
            statements: [
                .ready(
                    Signed(
                        forged, signer: asker.identity.member, key: identity.nodeKey, network: town.genesis.network))
            ])
        let key = isSigned ? identity.nodeKey : town.sites[2].identity.nodeKey
        return Signed(body, signer: identity.member, key: key, network: town.genesis.network)
    }

    /// Otherwise one member could make others cut each other off.
    @Test func aReportThatItsSignerDidNotSignIsNotPassedOn() throws {
        let town = try Town(count: 4)
        town.settle()
        for isSigned in [false, true] {
            let report = report(town, isSigned: isSigned)
            town.inject(.report(report), from: 3, to: 1)
            town.settle()
            #expect(town.sites[1].sent.contains { $0.to == 0 && $0.message == .report(report) } == isSigned)
        }
    }

    @Test func whatASignedReportSaysIsChargedToItsSignerAndNotToThePeerThatPassedItOn() throws {
        let town = try Town(count: 4)
        town.settle()
        let report = report(town, isSigned: true)
        for _ in 0...CheckBudgets.limit(memberCount: 4) { town.inject(.report(report), from: 1, to: 0) }
        town.settle()
        #expect(!isCutOff(town, 1))
        #expect(isCutOff(town, 3))
    }
}
