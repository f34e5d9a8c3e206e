import Crypto
import SiteFiles
import TestKit
import Testing

@Suite struct SettingsTests {
    private func read(_ text: String) throws -> Settings {
        try Settings(text: TextFile.decode(Array(text.utf8), name: "x"), file: "x")
    }

    @Test func namesValuesAndLinesAreRead() throws {
        let settings = try read("# comment\ninner_steps = 1_0\nencoding = \"top-k 64 2\" # trailing\nflag = true\n")
        #expect(settings.entries.map(\.name) == ["inner_steps", "encoding", "flag"])
        #expect(settings.entries.map(\.line) == [2, 3, 4])
        #expect(settings.entries.map(\.value) == [.number(10), .string("top-k 64 2"), .other("true")])
    }

    @Test(arguments: TextForm.allCases)
    func file_firstLineIsAComment_setsTheSameInEveryForm(form: TextForm) throws {
        let folder = TemporaryFolder()
        let path = folder.write(form.bytes("# rules of our mesh\ninner_steps = 7\nreview = \"approve\"\n"))
        let entries = try Settings(path: path).entries
        #expect(entries.map(\.value) == [.number(7), .string("approve")])
        #expect(entries.map(\.line) == [2, 3])
    }

    @Test(arguments: ["", "\n\n", "# inner_steps = 7", "\u{feff}# a = 1\r\n# b = 2\r\n"])
    func file_setsNothing_isRefused(text: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(Array(text.utf8))
        #expect(throws: ConfigurationError.self) { try Settings(path: path) }
    }

    @Test(arguments: [
        "plain", "with \"quotes\"", "back\\slash", "tab\tnew\nline", "\u{e4}\u{1f600}", "# no comment", "",
        "\r\u{1}\u{7f}",
    ])
    func quotedText_isReadAgain(text: String) throws {
        #expect(try read("a = \(TOMLText.quoted(text))").entries.map(\.value) == [.string(text)])
    }

    @Test(arguments: [
        ("a", "x:1"), ("\n\na = ", "x:3"), ("a = \"b", "x:1"), ("a = 1\na = 2", "x:2"), ("a = [b]", "x:1"),
    ])
    func text_cannotBeRead_isNamedByLine(text: String, place: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(text) }
        #expect(error?.description.hasPrefix(place) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: 0..<4)
    func mutatedText_neverTraps(seed: UInt64) {
        let good = Array("# d\nlisten = [\"a:1\", \"b\\\"c\"] # d\nx = 12\nname = \"de\"\n".utf8)
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
            guard let settings = try? read(String(decoding: bytes, as: UTF8.self)) else { continue }
            #expect(!settings.entries.isEmpty)
        }
    }
}
