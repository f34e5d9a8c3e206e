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
}
