import Crypto
import Foundation
import TestKit
import Testing

@testable import SiteFiles

@Suite struct TextFileTests {
    @Test(arguments: [
        ("a\nb\n", "a\nb\n"), ("a\r\nb\r\n", "a\nb\n"), ("a\rb\r", "a\nb\n"), ("\u{feff}a\r\n\r\nb", "a\n\nb"),
        ("\n\r\n\r", "\n\n\n"), ("", ""), ("\u{feff}", ""), ("a\u{feff}b", "a\u{feff}b"),
        ("\u{feff}\u{feff}a", "\u{feff}a"),
    ])
    func text_anyLineEndsAndMark_isNormalized(text: String, normal: String) {
        #expect(TextFile.normalized(Array(text.utf8)) == Array(normal.utf8))
    }

    @Test(arguments: [[0xff, 0xfe, 0x61, 0x00], [0x61, 0x00], [0xc3, 0x28]] as [[UInt8]])
    func bytes_notUTF8Text_areRefused(bytes: [UInt8]) {
        #expect(throws: SiteFileError.self) { try TextFile.decode(bytes, name: "x") }
    }

    @Test(arguments: TextForm.allCases)
    func passphrase_anyLineEndAndMark_isTheSame(form: TextForm) throws {
        let folder = TemporaryFolder()
        let path = folder.write(form.bytes("correct horse\nsecond line\n"))
        let secret = try PassphraseFile.read(path)
        #expect(secret.withUnsafeBytes { Array($0) } == Array("correct horse".utf8))
    }

    @Test(arguments: ["", "\n", "\r\nx", "\u{feff}", "\u{feff}\r\nx"])
    func passphrase_firstLineEmpty_isRefused(text: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(Array(text.utf8))
        #expect(throws: SiteFileError.self) { try PassphraseFile.read(path) }
    }

    @Test func namedPipe_isRefusedWithoutWaiting() throws {
        let folder = TemporaryFolder()
        let path = folder.file("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: SiteFileError.self) { try TextFile.read(path, limitBytes: 100) }
    }
}

/// The forms in which editors write one text.
enum TextForm: CaseIterable {
    case lineFeed, carriageReturnLineFeed, carriageReturn, mark, markAndCarriageReturnLineFeed

    func bytes(_ text: String) -> [UInt8] {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        return switch self {
        case .lineFeed: Array(text.utf8)
        case .carriageReturnLineFeed: Array(text.replacing("\n", with: "\r\n").utf8)
        case .carriageReturn: Array(text.replacing("\n", with: "\r").utf8)
        case .mark: mark + text.utf8
        case .markAndCarriageReturnLineFeed: mark + text.replacing("\n", with: "\r\n").utf8
        }
    }
}
