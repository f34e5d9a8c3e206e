import Control
import Crypto
import Gossip
import Ledger
import Tensor
import Testing

@testable import MeshNode

/// Figures of contributions in whole daemons: equal everywhere, after a restart and after catch-up too.
@Suite(.serialized)
struct FiguresTests {
    private func rows(_ sites: TestSites, _ index: Int) throws -> [RoundRow] {
        guard let daemon = sites.daemons[index] else { return [] }
        return try daemon.driver.database.rounds(through: daemon.driver.node.chain.height, count: 10)
    }

    private func isAlarmed(_ sites: TestSites, _ index: Int) -> Bool {
        sites.daemons[index]?.control.status.alarms.contains { $0.kind == .opposedContributions } ?? false
    }

    private func contributions(_ sites: TestSites, _ index: Int, _ height: Int64) throws -> [ContributionSummary] {
        let client = try TestClient.connect(sites.loop, to: sites.configuration(index).sockets.operator.path)
        defer { client.stream.close() }
        client.read()
        try client.ask(1, ContributionsRequest(height: height))
        try sites.wait(for: "an answer") { client.isAnswered(1) }
        for case .response(1, let result) in client.replies {
            return try result.decoded(for: ContributionsRequest.self).contributions
        }
        return []
    }

    @Test("A copy and a negative show at every site, also at one that was away; the alarm survives a restart")
    func copyAndNegative() throws {
        var rules = Rules()
        rules.encoding = .denseFloat32
        rules.minContributions = 3
        let sites = try TestSites(["de", "es", "fr", "pl"], rules: rules)
        defer { sites.end() }
        var random = SeededRandom(simulationSeed: 5)
        func noise() -> [Float] {
            (0..<sites.layout.parameterCount).map { _ in Float(Int16(truncatingIfNeeded: random.next())) / 8_388_608 }
        }
        let (own, other) = (noise(), noise())
        let deltas = [own, own, zip(own, other).map { 0.5 * $1 - $0 }]
        for index in 0..<3 { try sites.start(index) }
        for height in UInt64(1)...3 {
            #expect(!(0..<3).contains { isAlarmed(sites, $0) })
            for index in 0..<3 { try sites.contribute(index, delta: deltas[index]) }
            try sites.wait(for: "version \(height)") { (0..<3).allSatisfy { sites.height($0) >= height } }
        }
        for index in 0..<3 { #expect(isAlarmed(sites, index)) }
        let check = sites.daemons[0]?.control.checks.first { $0.name == "opposed-contributions" }
        #expect(check?.outcome == .warning)
        #expect(check?.message.contains("cosine was below -0.5 in the last 3 versions") ?? false)

        try sites.start(3)
        try sites.wait(for: "the site that was away") { sites.height(3) == 3 }
        #expect(isAlarmed(sites, 3))
        // A row is written after its version.
        try sites.wait(for: "the rows") { (0..<4).allSatisfy { (try? rows(sites, $0).count) == 3 } }
        let figures = try rows(sites, 0).map(\.figures)
        #expect(!figures.contains(nil))
        for index in 1..<4 { #expect(try rows(sites, index).map(\.figures) == figures) }
        // The newest first. Of the last version it may have heard as it was certified.
        #expect(try rows(sites, 3).last?.isReplayed == true)

        sites.stop(0)
        try sites.start(0)
        try sites.wait(for: "the alarm again") { isAlarmed(sites, 0) }
        let listed = try contributions(sites, 0, 2)
        let byAuthor = Dictionary(uniqueKeysWithValues: listed.map { ($0.author.text, $0) })
        let copy = try #require(byAuthor["de"]?.figures)
        #expect(copy.nearest == ContributionCosine(author: try #require(SiteName("es")), cosineMillionths: 1_000_000))
        #expect(copy.sharedWeightMillionths == 166_667)
        #expect(byAuthor["de"]?.weightMillionths == 333_333)
        let negative = try #require(byAuthor["fr"]?.figures)
        #expect(negative.sharedWeightMillionths == 333_333)
        #expect(negative.nearest.map { $0.cosineMillionths < -850_000 } ?? false)
        #expect(negative.clipFactorMillionths < 1_000_000)
    }
}

/// The watch by itself, on figures that are made up.
struct OppositionWatchTests {
    private static let members = (0..<4).map { MemberID(Digest(DigestDomain("test"), [$0])) }

    /// A version that lists these members, of whom these pairs are opposed.
    private func row(_ height: UInt64, _ listed: [Int], _ opposed: [(Int, Int)]) -> RoundRow {
        let entry = AveragingFigures.Entry(
            sharedWeightMillionths: 250_000, clipFactorMillionths: 1_000_000, stepCosineMillionths: -1,
            nearest: .init(entry: 0, cosineMillionths: -1_000_000), farthest: nil)
        let pairs = opposed.map { pair in
            AveragingFigures.Pair(first: listed.firstIndex(of: pair.0)!, second: listed.firstIndex(of: pair.1)!)
        }
        return RoundRow(
            height: Height(height), version: VersionDigest(.zero), adoptedAt: 1, durationMilliseconds: 2,
            contributors: [], signers: [], lossMicronats: nil, contributionBytes: 3, sentBytes: 4, receivedBytes: 5,
            isReplayed: false, times: RoundTimes(),
            figures: RoundFigures(
                authors: listed.map { Self.members[$0] },
                figures: AveragingFigures(entries: listed.map { _ in entry }, opposedPairs: pairs)))
    }

    private func pair(_ one: Int, _ other: Int) -> MemberPair { MemberPair(Self.members[one], Self.members[other]) }

    @Test func threeInARowRaiseItOnceAndOneThatDiffersEndsIt() {
        var watch = OppositionWatch()
        for height in UInt64(1)...2 { #expect(watch.note([row(height, [0, 1, 2], [(0, 2)])]).isEmpty) }
        #expect(watch.note([row(3, [0, 1, 2], [(0, 2)])]).map(\.members) == [pair(2, 0)])
        #expect(watch.note([row(4, [0, 1, 2], [(0, 2)])]).isEmpty, "it is told once")
        #expect(watch.alarms.map(\.versions) == [4])
        #expect(watch.note([row(5, [0, 1, 2], [])]).isEmpty)
        #expect(watch.alarms.isEmpty)
    }

    @Test func versionsThatDoNotListBothCountNeitherWay() {
        var watch = OppositionWatch()
        for height in UInt64(1)...2 { _ = watch.note([row(height, [0, 1, 2], [(0, 1)])]) }
        _ = watch.note([row(3, [1, 2], []), row(4, [], [])])
        #expect(watch.note([row(5, [0, 1], [(0, 1)])]).map(\.versions) == [3])
    }

    @Test func whatIsTooLongAgoIsForgotten() {
        var watch = OppositionWatch()
        for height in UInt64(1)...3 { _ = watch.note([row(height, [0, 1], [(0, 1)])]) }
        let kept = UInt64(OppositionWatch.versionsKept)
        _ = watch.note([row(kept, [2, 3], [])])
        #expect(watch.alarms.count == 1)
        _ = watch.note([row(kept + 1, [2, 3], [])])
        #expect(watch.alarms.isEmpty)
    }

    /// After a start the rows come from the disk, the newest first, and perhaps after the first new one.
    @Test func theOrderInWhichRoundsComeDoesNotMatter() {
        let rows = (UInt64(1)...4).map { row($0, [0, 1, 2], $0 == 1 ? [] : [(1, 2)]) }
        var watch = OppositionWatch()
        #expect(watch.note([rows[3]]).isEmpty)
        #expect(watch.note(rows.reversed()).map(\.versions) == [3])
    }

    @Test func versionsWhoseFiguresAreNotKnownArePassedOver() {
        var watch = OppositionWatch()
        var unknown = row(3, [0, 1], [])
        unknown.figures = nil
        for row in [row(1, [0, 1], [(0, 1)]), row(2, [0, 1], [(0, 1)]), unknown] { _ = watch.note([row]) }
        #expect(watch.note([row(4, [0, 1], [(0, 1)])]).count == 1)
    }

    @Test func aRoundWithFiguresIsReadBackAsItWas() throws {
        let rows = [row(1, [0, 1, 3], [(0, 1), (1, 3)]), row(2, [], [])]
        for row in rows { #expect(RoundRow(cbor: try CBOR(encoded: row.cbor.encoded)) == row) }
        var unknown = rows[0]
        unknown.figures = nil
        #expect(RoundRow(cbor: unknown.cbor) == unknown)
    }

    /// A place beyond the manifest, a cosine beyond one, a pair in the wrong order.
    @Test func figuresThatCannotBeAreNotRead() throws {
        func read(_ change: (inout [CBOR], inout [CBOR]) -> Void) -> RoundFigures? {
            var entry: [CBOR] = [
                .bytes(Self.members[0].digest.bytes), .unsigned(1), .unsigned(1), .unsigned(2_000_000),
                .array([.unsigned(1), .unsigned(0)]), .null,
            ]
            var pair: [CBOR] = [.unsigned(0), .unsigned(1)]
            let second = CBOR.array(entry)
            change(&entry, &pair)
            return RoundFigures(cbor: .array([.array([.array(entry), second]), .array([.array(pair)])]))
        }
        #expect(read { _, _ in } != nil)
        #expect(read { entry, _ in entry[4] = .array([.unsigned(2), .unsigned(0)]) } == nil)
        #expect(read { entry, _ in entry[3] = .unsigned(2_000_001) } == nil)
        #expect(read { entry, _ in entry[0] = .bytes([1]) } == nil)
        #expect(read { entry, _ in entry.removeLast() } == nil)
        #expect(read { _, pair in pair.reverse() } == nil)
        #expect(read { _, pair in pair[1] = .unsigned(2) } == nil)
    }
}
