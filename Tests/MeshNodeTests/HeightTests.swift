import Control
import Crypto
import Ledger
import Testing

@testable import MeshNode
@testable import SiteFiles

@Suite struct HeightTests {
    @Test(
        "A height that does not exist is refused by every method that takes one",
        arguments: [1, 9999, Int64(Limits.heightMaximum) + 1, ControlSchema.integerLimit])
    func heights(height: Int64) throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        try client.ask(1, VersionsRequest(count: 5, from: height))
        try client.ask(2, VersionRequest(height: height))
        // Of the next version there may be contributions.
        try client.ask(3, ContributionsRequest(height: max(2, height)))
        try client.ask(4, RoundsRequest(count: 5, from: height))
        try client.ask(5, LedgerExportBegin(through: height))
        try client.ask(6, ParametersExportBegin(height: height))
        try client.ask(7, RevertPreviewRequest(dataSet: text(Digest.zero), from: height))
        try client.ask(8, EvidenceRequest(count: 5, from: height))
        try client.ask(9, ProposalHistoryRequest(count: 5, from: height))
        try sites.wait(for: "every answer") { (1...9).allSatisfy { client.isAnswered($0) } }
        for id in Int64(1)...9 { #expect(client.refusal(of: id) == .notFound, "request \(id)") }
        client.stream.close()
    }
}
