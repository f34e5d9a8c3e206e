import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// What forged signatures cost their sender, for message kinds whose false signatures may come in good faith.
@Suite struct CheckBudgetTests {
    private func forgedAddress(_ cluster: Cluster, of member: Int, sequence: UInt64) -> Message {
        let id = cluster.sites[member].identity.member
        let record = AddressRecord(member: id, addresses: ["127.0.0.1:1"], sequence: sequence)
        return .address(
            Signed(record, signer: id, key: cluster.sites[1].identity.nodeKey, network: cluster.genesis.network))
    }

    private func isCutOff(_ cluster: Cluster, _ member: Int) -> Bool {
        cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[member].identity.member, .tooManyFailedChecks))
    }

    @Test func aPeerThatSendsForgedAddressRecordsIsCutOffAfterItsBudget() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let limit = CheckBudgets.limit(memberCount: 4)
        for sequence in 1...limit {
            cluster.inject(forgedAddress(cluster, of: 2, sequence: 1_000 + UInt64(sequence)), from: 1, to: 0)
        }
        cluster.settle()
        #expect(!isCutOff(cluster, 1))
        let before = cluster.sites[0].node.signaturesComputed
        for sequence in 1...1_000 {
            cluster.inject(forgedAddress(cluster, of: 2, sequence: 10_000 + UInt64(sequence)), from: 1, to: 0)
        }
        cluster.settle()
        #expect(isCutOff(cluster, 1))
        #expect(cluster.sites[0].node.signaturesComputed == before + 1)
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
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let own = cluster.sites[0].identity.member
        let key = cluster.sites[1].identity.nodeKey
        let statements = (1...200).map { view in
            SignedStatement.vote(
                Signed(
                    Vote.nullify(height: Height(1), view: View(UInt32(view))), signer: own, key: key,
                    network: cluster.genesis.network))
        }
        let report = StartReport(
            member: own, instance: cluster.sites[0].node.recovery.instance, standing: .settled, height: .genesis,
            certificate: nil, hasDuplicateInstance: false, statements: statements)
        let before = cluster.sites[0].node.signaturesComputed
        let signed = Signed(
            report, signer: cluster.sites[1].identity.member, key: key, network: cluster.genesis.network)
        cluster.inject(.report(signed), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.signaturesComputed - before == 2)
        #expect(!cluster.sites[0].node.recovery.isLost)
    }

    /// What site 3 answers to the start of site 0: signed by site 3 or by nobody, with a signature of site 0 that
    /// nobody made.
    private func report(_ cluster: Cluster, isSigned: Bool) -> Signed<StartReport> {
        let identity = cluster.sites[3].identity
        let asker = cluster.sites[0].node
        let forged = Ready(height: asker.height.height.next.next, parent: VersionDigest(.zero), slots: [])
        let body = StartReport(
            member: asker.identity.member, instance: asker.recovery.instance, standing: .settled,
            height: asker.chain.height, certificate: nil, hasDuplicateInstance: false,
            statements: [
                .ready(
                    Signed(
                        forged, signer: asker.identity.member, key: identity.nodeKey, network: cluster.genesis.network))
            ])
        let key = isSigned ? identity.nodeKey : cluster.sites[2].identity.nodeKey
        return Signed(body, signer: identity.member, key: key, network: cluster.genesis.network)
    }

    /// Otherwise one member could make others cut each other off.
    @Test func aReportThatItsSignerDidNotSignIsNotPassedOn() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for isSigned in [false, true] {
            let report = report(cluster, isSigned: isSigned)
            cluster.inject(.report(report), from: 3, to: 1)
            cluster.settle()
            #expect(cluster.sites[1].sent.contains { $0.to == 0 && $0.message == .report(report) } == isSigned)
        }
    }

    @Test func whatASignedReportSaysIsChargedToItsSignerAndNotToThePeerThatPassedItOn() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let report = report(cluster, isSigned: true)
        for _ in 0...CheckBudgets.limit(memberCount: 4) { cluster.inject(.report(report), from: 1, to: 0) }
        cluster.settle()
        #expect(!isCutOff(cluster, 1))
        #expect(isCutOff(cluster, 3))
    }
}
