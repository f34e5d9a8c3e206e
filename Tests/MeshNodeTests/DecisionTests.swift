import Control
import Crypto
import Gossip
import Ledger
import TestKit
import Testing

@testable import MeshNode
@testable import SiteFiles

@Suite struct DecisionTests {
    private func open(_ folder: TemporaryFolder) throws -> LedgerDatabase {
        try LedgerDatabase(
            path: folder.path + "/ledger.sqlite", markPath: folder.path + "/ledger.mark",
            network: NetworkID(Digest(DigestDomain("test"), [7])))
    }

    private func decision(
        _ sequence: UInt64, _ end: ProposalEnd = .rejected, height: UInt64 = 3, by signers: [UInt8] = [0]
    ) throws -> DecisionRow {
        let action = GovernanceAction(
            change: .remove(MemberID(.zero)), sequence: sequence, first: Height(1), last: Height(9),
            comment: Comment("because") ?? .none)
        let signature = try #require(Signature(bytes: [UInt8](repeating: 1, count: 64)))
        let verdicts = signers.map { signer in
            SignedProposalVerdict(
                statement: ProposalVerdictStatement(verdict: .reject, action: action.digest),
                signature: OperatorSignature(
                    signer: MemberID(Digest(DigestDomain("test"), [signer])), keyEpoch: 0, signature: signature))
        }
        return DecisionRow(
            signed: SignedGovernanceAction(action: action, operators: []), verdicts: verdicts, end: end,
            height: Height(height), at: 1_700_000_000)
    }

    private func all(_ database: LedgerDatabase) throws -> [DecisionRow] {
        try database.decisions(in: .genesis...Height(Limits.heightMaximum))
    }

    @Test("What was decided is there after the next start; a later end of one action takes the place of the one before")
    func keepsDecisions() throws {
        let folder = TemporaryFolder()
        do {
            let database = try open(folder)
            for sequence in 1...3 { try database.insert(decision(UInt64(sequence))) }
            try database.insert(decision(1, .taken, height: 5))
            database.close()
        }
        let database = try open(folder)
        #expect(try all(database) == [decision(1, .taken, height: 5), decision(3), decision(2)])
        #expect(try database.decisions(in: Height(4)...Height(5)) == [decision(1, .taken, height: 5)])
        try database.checkAllRows()
    }

    @Test("An operator that proposes again and again makes others forget its own decisions only")
    func isBoundedByOperator() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        let limit = UInt64(LedgerDatabase.decisionsOfOperatorMaximum)
        try database.insert(decision(1, height: 1, by: [1]))
        try database.insert(decision(2, height: 2, by: [0, 1]))
        try database.insert(decision(3, height: 3, by: [0]))
        for sequence in 1...limit + 5 { try database.insert(decision(3 + sequence, height: 3 + sequence, by: [0])) }
        let found = try all(database)
        let limit64 = Int(limit)
        #expect(found.count == limit64 + 2, "of the flooder the newest, and what the other took part in")
        #expect(found.suffix(2) == [try decision(2, height: 2, by: [0, 1]), try decision(1, height: 1, by: [1])])
        #expect(found.first?.signed.action.sequence == 8 + limit)
        try database.checkAllRows()
    }

    @Test("Of one version the newest decisions are shown")
    func isBoundedByHeight() throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        let limit = LedgerDatabase.decisionsOfHeightMaximum
        for sequence in 1...UInt64(limit) + 5 { try database.insert(decision(sequence)) }
        let found = try all(database)
        #expect(found.count == limit)
        #expect(found.first?.signed.action.sequence == UInt64(limit) + 5)
    }
}
