import Control
import Crypto
import Gossip
import Ledger
import Testing

@testable import MeshNode
@testable import SiteFiles

@Suite struct DecisionTests {
    private func open(_ folder: TestFolder) throws -> LedgerDatabase {
        try LedgerDatabase(
            path: folder.path + "/ledger.sqlite", markPath: folder.path + "/ledger.mark",
            network: NetworkID(Digest(DigestDomain("test"), [7])))
    }

    private func decision(_ sequence: UInt64, _ end: ProposalEnd = .rejected, height: UInt64 = 3) -> DecisionRow {
        let action = GovernanceAction(
            change: .remove(MemberID(.zero)), sequence: sequence, first: Height(1), last: Height(9),
            comment: Comment("because") ?? .none)
        let signature = Signature(bytes: [UInt8](repeating: 1, count: 64))!
        let verdict = SignedProposalVerdict(
            statement: ProposalVerdictStatement(verdict: .reject, action: action.digest),
            signature: OperatorSignature(signer: MemberID(.zero), keyEpoch: 0, signature: signature))
        return DecisionRow(
            signed: SignedGovernanceAction(action: action, operators: []), verdicts: [verdict], end: end,
            height: Height(height), at: 1_700_000_000)
    }

    @Test("What was decided is there after the next start; a later end of one action takes the place of the one before")
    func keepsDecisions() throws {
        let folder = try TestFolder()
        do {
            let database = try open(folder)
            for sequence in 1...3 { try database.insert(decision(UInt64(sequence))) }
            try database.insert(decision(1, .taken, height: 5))
            database.close()
        }
        let found = try open(folder).decisions()
        #expect(found == [decision(2), decision(3), decision(1, .taken, height: 5)])
    }

    @Test("The newest decisions are kept")
    func isBounded() throws {
        let folder = try TestFolder()
        let database = try open(folder)
        for sequence in 1...LedgerDatabase.decisionsMaximum + 5 { try database.insert(decision(UInt64(sequence))) }
        let found = try database.decisions()
        #expect(found.count == LedgerDatabase.decisionsMaximum)
        #expect(found.first?.signed.action.sequence == 6)
    }

    @Test("A height that does not exist is refused by every method that takes one")
    func heights() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        try client.ask(1, VersionsRequest(count: 5, from: 9999))
        try client.ask(2, VersionRequest(height: 9999))
        try client.ask(3, ContributionsRequest(height: 9999))
        try client.ask(4, RoundsRequest(count: 5, from: 9999))
        try client.ask(5, LedgerExportBegin(through: 9999))
        try client.ask(6, ParametersExportBegin(height: 9999))
        try client.ask(7, RevertPreviewRequest(dataSet: try #require(DigestText(Digest.zero.description)), from: 9999))
        try client.ask(8, EvidenceRequest(count: 5, from: 9999))
        try client.ask(9, ProposalHistoryRequest(count: 5, from: 9999))
        try sites.wait(for: "every answer") { (1...9).allSatisfy { client.isAnswered($0) } }
        for id in Int64(1)...9 { #expect(client.refusal(of: id) == .notFound, "request \(id)") }
        client.stream.close()
    }
}
