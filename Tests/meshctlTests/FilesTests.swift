import Crypto
import Ledger
import Testing

@testable import meshctl

@Suite struct SettingsTests {
    @Test func readsWhatJoinWrites() throws {
        let settings = try Settings(
            text: """
                # comment
                top = 1
                [mesh]
                genesis = "/a/b \\"c\\".mesh" # trailing
                listen = ["0.0.0.0:7700", "[::]:7700"]
                peers = [
                    "a:1", # one
                    "b:2",
                ]
                empty = []
                [timing]
                round_deadline_milliseconds = 120_000
                flag = true
                """, file: "x.toml")
        #expect(settings.string("mesh.genesis") == "/a/b \"c\".mesh")
        #expect(settings.strings("mesh.listen") == ["0.0.0.0:7700", "[::]:7700"])
        #expect(settings.strings("mesh.peers") == ["a:1", "b:2"])
        #expect(settings.strings("mesh.empty") == [])
        #expect(settings.entries["timing.round_deadline_milliseconds"]?.value == .number("120000"))
        #expect(settings.entries["timing.flag"]?.value == .boolean(true))
        #expect(settings.entries["top"]?.line == 2)
    }

    @Test(arguments: [
        "plain", "with \"quotes\"", "back\\slash", "tab\tnew\nline", "\u{e4}\u{1f600}", "# no comment", "",
    ])
    func quotedTextIsReadAgain(text: String) throws {
        let settings = try Settings(text: "a = \(Settings.quoted(text))\nb = \(Settings.list([text, text]))", file: "x")
        #expect(settings.string("a") == text)
        #expect(settings.strings("b") == [text, text])
    }

    @Test(arguments: [
        ("a", "x:1: expected key = value"), ("\n\na = ", "x:3: a:"), ("a = \"b", "x:1: a:"),
        ("a = [\"b\"", "list does not end"),
        ("a = 1\na = 2", "x:2: a stands here a second time"), ("a = [b]", "x:1: a:"), ("a = \"b\" c", "x:1: a:"),
        ("a = nan", "x:1: a:"),
    ])
    func whatCannotBeReadIsNamedByLine(text: String, message: String) {
        var found = ""
        do { _ = try Settings(text: text, file: "x") } catch { found = "\(error)" }
        #expect(found.contains(message), "\(found)")
    }

    @Test(arguments: 0..<4)
    func mutatedTextNeverTraps(seed: UInt64) {
        let good = Array("[mesh]\nlisten = [\"a:1\", \"b\\\"c\"] # d\nx = 12\n[site]\nname = \"de\"\n".utf8)
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<300 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 9...126, using: &random)
                case 1: bytes.remove(at: position)
                default: bytes.insert(good[Int.random(in: 0..<good.count, using: &random)], at: position)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let settings = try? Settings(text: text, file: "x") else { continue }
            #expect(settings.entries.count <= text.split(separator: "\n").count)
        }
    }
}

@Suite struct ArmourTests {
    private var slot: Slot { Slot(author: MemberID(.zero), base: VersionDigest(.zero)) }

    private func decode(_ text: String) throws -> Slot {
        try Armour.decode(Slot.self, Armour.card, Array(text.utf8), name: "x")
    }

    @Test func textAroundTheBlockIsIgnored() throws {
        let armour = Armour.encode(slot, as: Armour.card)
        #expect(try decode(armour) == slot)
        #expect(try decode("Dear all,\n\n" + armour + "\nRegards") == slot)
        #expect(try decode(armour.replacing("\n", with: "\r\n  ")) == slot)
    }

    @Test func damageIsNamed() throws {
        let armour = Armour.encode(slot, as: Armour.card)
        #expect(throws: Failure.self) { try decode("nothing here") }
        #expect(throws: Failure.self) { try decode(armour.replacing("CARD", with: "SIGNATURE")) }
        #expect(throws: Failure.self) { try decode(String(armour.dropLast(30))) }
        var lines = armour.split(separator: "\n").map(String.init)
        lines[1] = "*" + lines[1].dropFirst()
        #expect(throws: Failure.self) { try decode(lines.joined(separator: "\n")) }
    }

    @Test(arguments: 0..<4)
    func mutatedArmourIsRefusedOrDecodesToARecord(seed: UInt64) throws {
        let good = Array(Armour.encode(slot, as: Armour.card).utf8)
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<300 {
            var bytes = good
            let position = Int.random(in: 0..<bytes.count, using: &random)
            if Bool.random(using: &random) {
                bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            } else {
                bytes.remove(at: position)
            }
            if let other = try? Armour.decode(Slot.self, Armour.card, bytes, name: "x") {
                #expect(try Slot(encoded: other.encoded) == other)
            }
        }
    }
}

@Suite struct PeerListTests {
    @Test func addressesWithAndWithoutNames() throws {
        let list = try PeerList(text: "# peers\n\n a.example.org:7700  fr # x\n[2001:db8::1]:7700\n", file: "p")
        #expect(list.entries.map(\.address) == ["a.example.org:7700", "[2001:db8::1]:7700"])
        #expect(list.entries.map(\.site) == ["fr", nil])
        #expect(list.entries.map(\.line) == [3, 4])
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
