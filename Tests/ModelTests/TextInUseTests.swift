import FoundationEssentials
import Glibc
import Testing

@testable import Model

/// Text as sites have it: one long file, forms, names and encodings of any kind, links.
@Suite struct TextInUseTests {
    private func joined(_ files: [TextFile]) -> [UInt8] { files.flatMap(\.bytes) }

    @Test(
        "One file without blank lines is cut at a line, without lines at a character",
        arguments: [
            "lines", "characters", "returns", "late paragraph",
        ])
    func cutsOneFile(kind: String) throws {
        let words = (0..<400).map { paragraph(UInt64($0), words: 8) + " ä😀" }
        let text =
            switch kind {
            case "lines": words.joined(separator: "\n")
            case "characters": words.joined(separator: " ")
            case "returns": words.joined(separator: "\r")
            // Only one place between paragraphs, and that at the very beginning.
            default: "Title\n\n" + words.joined(separator: "\n")
            }
        let file = TextFile(path: "all", bytes: Array(text.utf8))
        let split = TextSplit(files: [file])
        #expect(joined(split.training) + joined(split.heldOut) == file.bytes)
        let share = Double(joined(split.heldOut).count) / Double(file.bytes.count)
        #expect(share >= 0.019 && share <= 0.06, "\(share)")
        #expect(String(validating: joined(split.heldOut), as: UTF8.self) != nil, "no character is cut in two")
        #expect(String(validating: joined(split.training), as: UTF8.self) != nil)
        if kind == "lines" || kind == "late paragraph" { #expect(joined(split.training).last == 0x0A) }
        if kind == "returns" { #expect(joined(split.training).last == 0x0D) }
    }

    @Test("Very small texts are split, or held out nothing, without a trap", arguments: 0...40)
    func splitsSmallTexts(count: Int) {
        for character in ["a", "ä", "😀", "\n", "\r\n"] {
            let bytes = Array(String(repeating: character, count: count).utf8)
            let split = TextSplit(files: bytes.isEmpty ? [] : [TextFile(path: "x", bytes: bytes)])
            #expect(joined(split.training) + joined(split.heldOut) == bytes)
        }
    }

    private func report(_ seed: Int, _ value: (Int) -> String) -> String {
        """
        Laborbefund der Abteilung für klinische Chemie. Das Blutbild wurde am Vormittag entnommen und nach dem üblichen
        Verfahren bestimmt. Hämoglobin \(value(0)) g/dl, Leukozyten \(value(1)) pro Mikroliter, Thrombozyten \(value(2))
        Tausend, Kreatinin \(value(3)) mg/dl. Die Werte wurden von zwei Personen unabhängig voneinander geprüft.
        """
    }

    @Test("Reports that differ in numbers only are all kept") func keepsReports() {
        let files = (0..<200).map { index in
            textFile("report-\(index)", [report(index) { "\(index + 10 * $0).\(index % 10)" }])
        }
        let split = TextSplit(files: files)
        #expect(split.training.count + split.heldOut.count == 200)
        #expect(split.removedBytes == 0 && !split.removedMuch)
    }

    @Test(
        "One digit, a sign or a digit of another script makes another report",
        arguments: [
            ("5.1", "5.2"), ("5", "-5"), ("<5", ">5"), ("12", "1 2"), ("5", "٦"), ("1.5", "15"),
        ])
    func tellsNumbersApart(first: String, second: String) {
        var filter = ParagraphFilter()
        let isNew = [first, second, first].map { value in filter.insert(Array(report(0) { _ in value }.utf8)) }
        #expect(isNew == [true, true, false])
    }

    @Test("Equal numbers in nearly equal text are still duplicates") func findsDuplicates() {
        var filter = ParagraphFilter()
        let text = report(0) { "\($0 + 4)" }
        let changed = text.replacing("Vormittag", with: "Nachmittag")
        let isNew = [text, changed].map { filter.insert(Array($0.utf8)) }
        #expect(isNew == [true, false])
    }

    /// A letter of which two thirds are the same for all.
    private func letter(_ index: Int) -> [UInt8] {
        let form = (0..<12).map { paragraph(UInt64($0), words: 10) }
        var parts: [String] = []
        for (position, part) in form.enumerated() {
            parts.append(part)
            parts.append(paragraph(UInt64(100_000 + index * 12 + position), words: 4))
        }
        return Array(parts.joined(separator: " ").utf8)
    }

    @Test("Form letters cost a bounded number of comparisons each") func isNearLinear() {
        func comparisons(_ count: Int) -> (exact: Int, sketches: Int) {
            var filter = ParagraphFilter()
            for index in 0..<count { _ = filter.insert(letter(index)) }
            return (filter.comparisons, filter.sketchComparisons)
        }
        let few = comparisons(250)
        let many = comparisons(1000)
        #expect(many.exact <= 1000 * ParagraphFilter.comparisonsMaximum)
        #expect(many.sketches <= 1000 * ParagraphFilter.bands * ParagraphFilter.bucketMaximum)
        #expect(many.sketches > 1000, "the letters are alike enough to be candidates of each other")
        #expect(Double(many.exact) <= 5 * Double(max(1, few.exact)))
    }

    @Test("A copy of the thousandth letter is found although the buckets are full") func findsLateCopies() {
        var filter = ParagraphFilter()
        for index in 0..<300 { _ = filter.insert(letter(index)) }
        let isNew = filter.insert(letter(299))
        #expect(!isNew)
    }

    @Test("If repetition removes all held-out text, the end of the rest is held out") func holdsOutTheRest() {
        let same = paragraph(5, words: 200)
        let files = (0..<60).map { textFile("letter-\($0)", [same]) }
        let split = TextSplit(files: files)
        #expect(!split.heldOut.isEmpty && !split.training.isEmpty)
        #expect(split.removedMuch)
        #expect(joined(split.training) + joined(split.heldOut) == files[0].bytes || split.training.count == 1)
    }

    @Test("A very long paragraph is looked at in pieces that cover it") func cutsLongParagraphs() {
        for line in ["", "\n"] {
            let text = Array(((0..<2000).map { paragraph(UInt64($0), words: 12) + " é" }.joined(separator: line)).utf8)
            let pieces = Paragraphs.pieces(text)
            #expect(pieces.count > 2)
            #expect(pieces.allSatisfy { $0.count <= Paragraphs.pieceBytesMaximum })
            #expect(pieces.flatMap(Array.init) == Array(text.indices))
            #expect(pieces.allSatisfy { String(validating: text[$0], as: UTF8.self) != nil })
        }
    }

    // MARK: Directories

    private func write(_ bytes: [UInt8], to path: [UInt8]) {
        let descriptor = (path.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
            open($0.baseAddress!, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        }
        #expect(descriptor >= 0)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    @Test("Whatever cannot be read is skipped and named, and the rest is read") func namesSkippedFiles() throws {
        try withTemporaryDirectory { directory in
            let folder = Array((directory + "/").utf8)
            write(Array("good".utf8), to: folder + Array("good.txt".utf8))
            write(Array("bad name".utf8), to: folder + [0x63, 0x61, 0x66, 0xE9] + Array(".txt".utf8))
            write(Array("Stra\u{df}e".unicodeScalars.map { UInt8($0.value) }), to: folder + Array("latin.txt".utf8))
            write([0xFF, 0xFE, 0x61, 0, 0x62, 0], to: folder + Array("utf16.txt".utf8))
            write(
                Array("plain text".utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] },
                to: folder + Array("utf16-unmarked.txt".utf8))
            write((0..<600).map { UInt8(truncatingIfNeeded: $0 &* 37) }, to: folder + Array("image.png".utf8))
            #expect(mkfifo(directory + "/pipe", 0o600) == 0)
            #expect(symlink("nowhere", directory + "/broken") == 0)
            #expect(symlink(".", directory + "/cycle") == 0)
            #expect(symlink("/dev/zero", directory + "/device") == 0)
            let outside = directory + "-outside"
            #expect(mkdir(outside, 0o700) == 0)
            defer { try? FileManager.default.removeItem(atPath: outside) }
            write(Array("outside".utf8), to: Array((outside + "/far.txt").utf8))
            #expect(symlink(directory, outside + "/back") == 0)
            #expect(symlink(outside, directory + "/linked") == 0)

            let corpus = try TextCorpus(directory: directory)
            #expect(corpus.files.map(\.path) == ["good.txt", "linked/far.txt"])
            let reasons = Dictionary(uniqueKeysWithValues: corpus.skipped.map { ($0.path, $0.reason) })
            #expect(
                reasons == [
                    "caf\\xe9.txt": .name, "latin.txt": .encoding(.latin1), "utf16.txt": .encoding(.utf16),
                    "utf16-unmarked.txt": .encoding(.utf16), "image.png": .encoding(.binary), "pipe": .notAFile,
                    "broken": .brokenLink, "cycle": .alreadyRead, "device": .notAFile, "linked/back": .alreadyRead,
                ])
        }
    }

    @Test("A file that vanishes or shrinks after it was listed is skipped") func skipsVanishedFiles() throws {
        try withTemporaryDirectory { directory in
            for name in ["a", "b", "c"] { write(Array("text".utf8), to: Array("\(directory)/\(name)".utf8)) }
            var folder = TextFolder(directory)
            try folder.list()
            #expect(folder.files.map(\.name) == ["a", "b", "c"])
            unlink(directory + "/a")
            unlink(directory + "/b")
            #expect(mkfifo(directory + "/b", 0o600) == 0)
            let contents = folder.files.map { folder.read($0, limitBytes: 100) }
            guard case .skipped(.vanished) = contents[0], case .skipped(.vanished) = contents[1],
                case .bytes(let bytes) = contents[2]
            else {
                Issue.record("\(contents)")
                return
            }
            #expect(bytes == Array("text".utf8))
        }
    }

    @Test("What is no directory is refused by name", arguments: ["/dev/null", "/nonexistent/text", "/etc/hostname"])
    func refusesOtherThanDirectories(path: String) {
        let error = #expect(throws: ModelError.self) { try TextCorpus(directory: path) }
        #expect(error?.description.hasPrefix(path + ": ") ?? false)
    }
}
