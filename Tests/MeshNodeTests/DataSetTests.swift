import Control
import Crypto
import Ledger
import Testing

@testable import MeshNode

/// Data sets and contributions are found by the first digits of their digests, whatever version lists them.
@Suite struct DataSetTests {
    private func digest(_ byte: UInt8) throws -> Digest {
        try #require(Digest(bytes: [UInt8](repeating: byte, count: 32)))
    }

    @Test func dataSetsAndContributions_manyVersionsBack_areFoundByTheirFirstDigits() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        sites.dataSets = [try digest(0x0a), try digest(0x0b)]
        try sites.train(for: "two versions") { sites.height(0) >= 2 }
        sites.dataSets = [try digest(0x0b)]
        // More versions than a search reads at once.
        try sites.train(for: "many versions") { sites.height(0) >= 35 }
        let head = Int64(sites.height(0))
        let first = try #require(try sites.daemons[0]?.driver.database.version(at: Height(1))?.contributions.first)
        let contribution = first.body.contributionDigest.description

        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        try client.ask(1, DataSetsRequest())
        try client.ask(2, DataSetsRequest(digits: "0a0a0a"))
        try client.ask(3, DataSetsRequest(digits: "0c0c"))
        try client.ask(4, ContributionsFind(digits: String(contribution.prefix(12))))
        try client.ask(5, ContributionsFind(digits: "0000000000"))
        try sites.wait(for: "every answer") { (1...5).allSatisfy { client.isAnswered($0) } }
        client.stream.close()

        let all = try client.response(1, of: DataSetsRequest.self).dataSets
        #expect(try all.map(\.dataSet) == [text(digest(0x0b)), text(digest(0x0a))], "the newest first")
        let old = try client.response(2, of: DataSetsRequest.self).dataSets
        #expect(try old.map(\.dataSet) == [text(digest(0x0a))])
        #expect(old == all.suffix(1))
        #expect(old[0].first == 1 && (2...head).contains(old[0].last) && old[0].contributions == old[0].last)
        #expect(old[0].authors.map(\.text) == ["de"] && !old[0].isExcluded)
        #expect(all[0].first == 1 && all[0].last >= head)
        #expect(try client.response(3, of: DataSetsRequest.self).dataSets.isEmpty)
        let found = try client.response(4, of: ContributionsFind.self).contributions
        #expect(found.map(\.contribution.text) == [contribution] && found.map(\.height) == [1])
        #expect(try client.response(5, of: ContributionsFind.self).contributions.isEmpty)
    }

    private func contribution(author: Int, _ dataSets: [Digest]) -> Ledger.Contribution {
        Ledger.Contribution(
            network: NetworkID(.zero), author: MemberID(Digest(DigestDomain("test"), Array("\(author)".utf8))),
            base: VersionDigest(.zero), baseHeight: .genesis, encoding: .denseFloat32, payloadBytes: 1,
            pieceBytes: 1024,
            pieceRoot: .zero, norm: 0, steps: 0, tokens: 0, lossCentinats: nil, dataSets: dataSets, trainer: .zero)
    }

    @Test func search_ofManyDataSetsAndAuthors_holdsABoundedNumber() throws {
        var search = DataSetSearch(digits: "")
        for index in 0..<(DataSets.listMaximum + 100) {
            let dataSet = Digest(DigestDomain("test"), Array("\(index)".utf8))
            search.note(
                contribution(author: index, [dataSet, try digest(0x0a)].sorted()), at: Height(5000 - UInt64(index)))
        }
        #expect(search.uses.count == DataSets.listMaximum)
        let shared = try #require(search.uses[try digest(0x0a)])
        #expect(shared.contributions == DataSets.listMaximum + 100)
        #expect(shared.authors.count == DataSetSummary.authorsMaximum)
        #expect(shared.last == Height(5000))
    }
}
