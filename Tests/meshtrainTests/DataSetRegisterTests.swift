import Control
import Crypto
import Glibc
import Model
import TestKit
import Testing

@testable import meshtrain

enum DigestTextSample {
    static let zero = DigestText(String(repeating: "0", count: 64))
}

@Suite struct DataSetRegisterTests {
    private let secret = SiteSecret(.random(count: 32))

    private func file(_ path: String, _ text: String) -> TextFile { TextFile(path: path, bytes: Array(text.utf8)) }

    private func enter(
        _ register: inout DataSetRegister, _ files: [TextFile], _ name: String, licence: String? = nil, now: Int = 1
    ) throws -> Digest {
        try register.enter(files, name: name, licence: licence, mode: "local-only", secret: secret, now: now)
    }

    @Test func oneAddedLine_changesTheDigestAndKeepsTheId() throws {
        var register = DataSetRegister()
        let files = [file("a", "first letter"), file("b", "second letter")]
        let id = try enter(&register, files, "letters", licence: "CC-BY-4.0")
        let before = try #require(register.dataSets.first?.contents.last)
        #expect(try enter(&register, files, "letters", now: 2) == id)
        #expect(register.dataSets.first?.contents == [before])
        let changed = [files[0], file("b", "second letter\nand a line")]
        #expect(try enter(&register, changed, "letters", now: 3) == id)
        let entry = try #require(register.dataSets.first)
        #expect(register.dataSets.count == 1)
        #expect(entry.id == id.description && entry.contents.count == 2)
        #expect(entry.contents.last?.digest != before.digest)
        #expect(entry.contents.last?.since == 3 && entry.contents.last?.bytes == 36)
        #expect(entry.files.map(\.path) == ["a", "b"])
        #expect(entry.licence == "CC-BY-4.0", "a later start without the option keeps it")
    }

    @Test func anotherNameForTheSameText_isRefused_alsoWithAnAddedLine() throws {
        var register = DataSetRegister()
        let files = [file("a", "first letter"), file("b", "second letter")]
        _ = try enter(&register, files, "letters")
        let before = register
        for renamed in [files, [file("x", "first letter"), file("b", "second letter"), file("c", "a line")]] {
            #expect(throws: DataSetError.registered(name: "news", other: "letters")) {
                try enter(&register, renamed, "news")
            }
            #expect(register == before)
        }
        // A file that both have, such as a licence, is no reason.
        let shared = [file("a", "first letter"), file("n", "quite another text, and more of it")]
        let other = try enter(&register, shared, "news")
        #expect(register.dataSets.map(\.name) == ["letters", "news"])
        #expect(other.description != register.dataSets[0].id)
    }

    @Test func theRegisterIsKeptForItsUserAlone() throws {
        let folder = TemporaryFolder()
        var register = DataSetRegister()
        _ = try enter(&register, [file("a", "text")], "letters", licence: "CC0-1.0")
        try register.store(in: folder.path)
        #expect(try DataSetRegister.load(from: folder.path) == register)
        var status = stat()
        #expect(stat(DataSetRegister.path(in: folder.path), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(truncate(DataSetRegister.path(in: folder.path), 10) == 0)
        #expect(throws: ModelError.self) { try DataSetRegister.load(from: folder.path) }
    }

    @Test(arguments: [("letters", true), ("a.b_c-9", true), ("", false), ("a b", false), ("ä", false), ("a/b", false)])
    func namesAreBytesThatReadAlikeEverywhere(name: String, isValid: Bool) {
        #expect(DataSetRegister.isValidName(name) == isValid)
        #expect(!DataSetRegister.isValidName(String(repeating: "x", count: 65)))
    }
}
