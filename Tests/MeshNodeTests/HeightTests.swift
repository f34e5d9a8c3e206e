import Control
import Crypto
import Testing

@testable import MeshNode
@testable import SiteFiles

@Suite struct HeightTests {
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
        try sites.wait(for: "every answer") { (1...8).allSatisfy { client.isAnswered($0) } }
        for id in Int64(1)...8 { #expect(client.refusal(of: id) == .notFound, "request \(id)") }
        client.stream.close()
    }
}
