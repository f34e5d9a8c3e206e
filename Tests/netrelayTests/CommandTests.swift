import Testing

@testable import netrelay

struct CommandTests {
    private let names = ["de", "fr", "es"]

    @Test func readsWhatItKnows() throws {
        #expect(try Command("cut de fr", siteNames: names) == .cut(from: SiteIndex(0), to: SiteIndex(1)))
        #expect(try Command("heal * es", siteNames: names) == .heal(from: nil, to: SiteIndex(2)))
        #expect(try Command("report", siteNames: names) == .report)
    }

    @Test(arguments: ["", "cut", "cut de", "cut de fr es", "report now", "burn de fr"])
    func refusesWhatIsNoCommand(line: String) {
        #expect(throws: Command.Failure.unknown(line)) { try Command(line, siteNames: names) }
    }

    @Test func refusesASiteThatIsNotThere() {
        #expect(throws: Command.Failure.unknownSite("pl")) { try Command("cut de pl", siteNames: names) }
    }

    @Test func aStarMeansEveryOtherSite() throws {
        var paths = Paths(siteNames: names)
        #expect(paths.perform(try Command("cut de *", siteNames: names)).count == 2)
        #expect(paths.perform(try Command("cut * *", siteNames: names)).count == 4)
        #expect(paths.perform(try Command("heal * de", siteNames: names)).count == 2)
        #expect(paths.cut.count == 4)
        #expect(paths.perform(try Command("heal * *", siteNames: names)).count == 4)
        #expect(paths.cut.isEmpty)
    }

    @Test func linesComeWholeHoweverTheBytesAreCut() {
        var reader = LineReader()
        #expect(reader.lines(adding: "cut de".utf8).isEmpty)
        #expect(reader.lines(adding: " fr\nheal * *\nre".utf8) == ["cut de fr", "heal * *"])
        #expect(reader.lines(adding: "port\n".utf8) == ["report"])
    }

    @Test func readsRoutes() {
        let route = StreamRoute("de:es:7000:7001", siteNames: names)
        #expect(
            route
                == StreamRoute(
                    path: Path(from: SiteIndex(0), to: SiteIndex(2)), listenPort: 7000, targetPort: 7001))
        for text in ["de:de:1:2", "de:xx:1:2", "de:es:1", "de:es:1:65536", "de:es:a:2", ""] {
            #expect(StreamRoute(text, siteNames: names) == nil)
        }
    }
}
