import SiteFiles
import System
import Testing

@testable import meshctl

@Suite struct PeerListTests {
    @Test func addressesWithAndWithoutNames() throws {
        let list = try PeerList(text: "# peers\n\n a.example.org:7700  fr # x\n[2001:db8::1]:7700\n", file: "p")
        #expect(list.entries.map(\.address) == ["a.example.org:7700", "[2001:db8::1]:7700"])
        #expect(list.entries.map(\.site) == ["fr", nil])
        #expect(list.entries.map(\.line) == [3, 4])
    }

    @Test(arguments: ["", "# a:1\n\n#\n", "\u{feff}# a:1\r\n"])
    func list_namesNoPeer_isRefused(text: String) throws {
        let place = try Workplace()
        try place.write(text, to: "p")
        #expect(throws: SiteFileError.self) { try PeerList(path: place.path("p")) }
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func list_anyLineEndAndMark_namesTheSamePeers(end: String) throws {
        let place = try Workplace()
        let text = "\u{feff}# peers\na.example.org:7700 fr\n\n[2001:db8::1]:7700\n"
        try place.write(text.replacing("\n", with: end), to: "p")
        let list = try PeerList(path: place.path("p"))
        #expect(list.entries.map(\.address) == ["a.example.org:7700", "[2001:db8::1]:7700"])
        #expect(list.entries.map(\.line) == [2, 4])
    }

    @Test(arguments: ["a.example.org", "a:b", "a:1 FR", "a:1 fr de", ":7700", "a:70000"])
    func badLinesAreNamed(line: String) {
        var found = ""
        do { _ = try PeerList(text: "a:1\n" + line, file: "p") } catch { found = "\(error)" }
        #expect(found.hasPrefix("p:2:"), "\(found)")
    }
}

@Suite struct WordsTests {
    @Test(arguments: [
        (Int64(0), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (1 << 40, "1.0 TiB"),
    ])
    func byteCounts(count: Int64, words: String) { #expect(Words.bytes(count) == words) }

    @Test(arguments: [
        (Int64(350), "350 ms"), (12_400, "12.4 s"), (200_000, "3 min 20 s"), (7_500_000, "2 h 5 min"),
        (273_600_000, "3 d 4 h"),
    ])
    func durations(milliseconds: Int64, words: String) { #expect(Words.duration(milliseconds: milliseconds) == words) }

    @Test(arguments: [(1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-1.26, 1, "-1.3"), (2.5, 4, "2.5000"), (7, 0, "7")])
    func decimals(value: Double, digits: Int, words: String) { #expect(Words.decimal(value, digits) == words) }

    @Test func aLossIsShownTo001OrAsNotReported() {
        #expect(Words.loss(2.5) == "2.50")
        #expect(Words.loss(nil) == "not reported")
    }

    @Test func columnsAlignAndColourOnlyWhereItIsWanted() {
        var table = Table(["name", ">count"])
        table.append([.init("a"), .init("1", .good)])
        table.append("long name", "1000")
        #expect(table.rendered(Terminal(isColoured: false)) == "name       count\na              1\nlong name   1000")
        table.append("last", "")
        #expect(table.rendered(Terminal(isColoured: false)).split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
        let coloured = table.rendered(Terminal(isColoured: true))
        #expect(coloured.contains("\u{1b}[32m1\u{1b}[0m"))
    }
}

@Suite struct FolderTests {
    @Test("A folder that cannot be made is an error with the system's reason") func namesReason() {
        // sysfs refuses a new folder with EPERM; looking for the folder afterwards finds nothing, which is ENOENT.
        let error = #expect(throws: FileError.self) { try Folder.make("/sys/mesh-folder", mode: 0o755) }
        #expect(error?.description == "/sys/mesh-folder: cannot be created: Operation not permitted")
    }
}
