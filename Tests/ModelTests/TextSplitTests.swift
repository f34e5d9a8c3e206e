import FoundationEssentials
import Testing

@testable import Model

/// A paragraph of invented words, different for each seed.
func paragraph(_ seed: UInt64, words: Int = 20) -> String {
    var generator = SplitMix(state: seed)
    return (0..<words).map { _ in
        String((0..<6).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement(using: &generator) ?? "a" })
    }.joined(separator: " ")
}

func textFile(_ path: String, _ paragraphs: [String]) -> TextFile {
    TextFile(path: path, bytes: Array((paragraphs.joined(separator: "\n\n") + "\n").utf8))
}

@Suite struct TextSplitTests {
    private func corpus(_ files: Int) -> [TextFile] {
        (0..<files).map { file in
            textFile("page-\(file)", (0..<3).map { paragraph(UInt64(1000 + file * 10 + $0)) })
        }
    }

    @Test func aFewPercentOfWholeFilesAreHeldOut() {
        let files = corpus(200)
        let split = TextSplit(files: files)
        #expect(split.training.count + split.heldOut.count == 200)
        #expect((2...12).contains(split.heldOut.count))
        #expect(Set(split.training.map(\.path)).isDisjoint(with: split.heldOut.map(\.path)))
        #expect(split.removedTrainingParagraphs == 0 && split.removedHeldOutParagraphs == 0)
    }

    @Test func namesDoNotDecideWhatIsHeldOut() {
        let files = corpus(200)
        let renamed = files.map { TextFile(path: "other/" + $0.path, bytes: $0.bytes) }
        #expect(TextSplit(files: files).heldOut.map(\.bytes) == TextSplit(files: renamed).heldOut.map(\.bytes))
    }

    @Test func newFilesLeaveTheLotsOfOldOnes() {
        let files = corpus(400)
        let before = TextSplit(files: Array(files.prefix(300)))
        let after = Set(TextSplit(files: files).heldOut.map(\.path))
        // By their own hash, not to fill up.
        let certain = before.heldOut.filter { $0.contentHash % 50 == 0 }
        #expect(!certain.isEmpty && certain.allSatisfy { after.contains($0.path) })
    }

    @Test func oneFileIsCutBetweenParagraphs() {
        let paragraphs = (0..<100).map { paragraph(UInt64($0)) }
        let file = textFile("all", paragraphs)
        let split = TextSplit(files: [file])
        #expect(split.training.count == 1 && split.heldOut.count == 1)
        #expect(split.training[0].bytes + split.heldOut[0].bytes == file.bytes)
        #expect(split.heldOut[0].bytes.count * 100 >= file.bytes.count * 2)
        #expect(split.heldOut[0].bytes.count * 100 <= file.bytes.count * 5)
        let text = String(decoding: split.heldOut[0].bytes, as: UTF8.self)
        #expect(paragraphs.contains { text.hasPrefix($0) })
    }

    @Test func nothingGivesNothing() {
        let split = TextSplit(files: [])
        #expect(split.training.isEmpty && split.heldOut.isEmpty && split.heldOutTokens.isEmpty)
    }

    @Test func paragraphsCoverTheText() {
        for text in ["", "\n", "a", "a\n\nb", "\n\n a\nb\n \t\n\nc\n", "a\n\n\n"] {
            let ranges = Paragraphs.ranges(Array(text.utf8))
            #expect(ranges.flatMap(Array.init) == Array(0..<text.utf8.count), "\(text.debugDescription)")
        }
        #expect(Paragraphs.ranges(Array("\n\n a\nb\n \t\n\nc\n".utf8)).count == 2)
    }

    @Test func nearDuplicatesGoAndTheFirstStays() {
        var filter = ParagraphFilter()
        let original = paragraph(1, words: 60)
        let changed = original.uppercased().replacing(" ", with: "\n  ").replacing(
            "\n", with: "-- ", maxReplacements: 3)
        let outcome = filter.removeDuplicates([
            textFile("a", [original, paragraph(2)]), textFile("b", [changed, paragraph(3)]),
        ])
        let files = outcome.files
        #expect(outcome.removedParagraphs == 1)
        #expect(files[0] == textFile("a", [original, paragraph(2)]))
        #expect(files[1] == textFile("b", [paragraph(3)]))
    }

    @Test func oneOfSixtyWordsChangedIsADuplicateAndHalfIsNot() {
        let words = paragraph(9, words: 60).split(separator: " ").map(String.init)
        let others = paragraph(10, words: 60).split(separator: " ").map(String.init)
        var near = words
        near[30] = others[30]
        let far = Array(words.prefix(30)) + others.suffix(30)
        var filter = ParagraphFilter()
        let isNew = [words, near, far].map { filter.insert(Array($0.joined(separator: " ").utf8)) }
        #expect(isNew == [true, false, true])
    }

    @Test func headingsAreNeverDuplicates() {
        var filter = ParagraphFilter()
        let isNew = (0..<3).map { _ in filter.insert(Array("BEZEICHNUNG 1.2\n\n".utf8)) }
        #expect(isNew == [true, true, true])
    }

    @Test func duplicatesAreFoundWithoutSpacesBetweenWords() {
        var filter = ParagraphFilter()
        let text = "このコマンドは指定されたディレクトリの内容を一覧表示し、その結果を標準出力に書き出す。"
        let wrapped = text.replacing("、", with: "、\n") + "\n"
        let isNew = [text, wrapped].map { filter.insert(Array($0.utf8)) }
        #expect(isNew == [true, false])
    }

    @Test func heldOutCopiesOfTrainingTextAreRemovedFromTheHeldOutText() throws {
        let shared = paragraph(77, words: 40)
        let files = corpus(200).map { file in
            TextFile(path: file.path, bytes: file.bytes + Array(("\n" + shared + "\n").utf8))
        }
        let split = TextSplit(files: files)
        func mentions(_ files: [TextFile]) -> Int {
            files.count { String(decoding: $0.bytes, as: UTF8.self).contains(shared) }
        }
        #expect(mentions(split.training) == 1)
        #expect(mentions(split.heldOut) == 0)
        #expect(split.removedHeldOutParagraphs == split.heldOut.count)
        #expect(split.removedTrainingParagraphs == split.training.count - 1)
    }

    @Test func directoryIsReadSortedAndOnlyText() throws {
        try withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/b/c", withIntermediateDirectories: true)
            let contents: [(name: String, bytes: [UInt8])] = [
                ("z.txt", Array("last".utf8)), ("b/c/x", Array("ж".utf8)), ("b.txt", Array("b".utf8)),
                ("broken", [0xFF, 0x41]), ("empty", []), (".hidden", Array("no".utf8)),
            ]
            for (name, bytes) in contents {
                try Data(bytes).write(to: URL(filePath: directory + "/" + name))
            }
            try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "z.txt")
            let corpus = try TextCorpus(directory: directory)
            #expect(corpus.files.map(\.path) == ["b.txt", "b/c/x", "z.txt"])
            #expect(
                corpus.skipped == [
                    SkippedFile(path: "broken", reason: .encoding(.latin1)),
                    SkippedFile(path: "empty", reason: .empty), SkippedFile(path: "link", reason: .alreadyRead),
                ])
            #expect(throws: ModelError.tooMuchText(path: directory, limitBytes: 5)) {
                try TextCorpus(directory: directory, byteLimit: 5)
            }
        }
        #expect(throws: ModelError.self) { try TextCorpus(directory: "/nonexistent/text") }
    }

    @Test func batchesFollowSeedAndStep() throws {
        let stream = (0..<500).map { UInt16($0 % 260) }
        let sampler = try BatchSampler(TrainingText(tokens: stream, path: ""), contextLength: 16, path: "")
        func batch(_ seed: UInt64, _ step: Int) -> [UInt16] {
            var tokens = [UInt16](repeating: 0, count: 64)
            var targets = tokens
            sampler.fill(tokens: &tokens, targets: &targets, seed: BatchSeed(number: seed), step: step)
            for index in tokens.indices { #expect(targets[index] == (tokens[index] + 1) % 260) }
            return tokens
        }
        #expect(batch(1, 5) == batch(1, 5))
        #expect(batch(1, 5) != batch(1, 6))
        #expect(batch(1, 5) != batch(2, 5))
        #expect(throws: ModelError.tooLittleText(path: "x", tokens: 16, needed: 17)) {
            try BatchSampler(
                TrainingText(tokens: Array(stream.prefix(16)), path: ""), contextLength: 16, path: "x")
        }
    }

    @Test func placesOfABatchAreThoseOfItsTokens() throws {
        let files = (0..<5).map { file in
            TextFile(path: "\(file).txt", bytes: (0..<60).map { UInt8(33 + (file * 60 + $0) % 90) })
        }
        let text = TrainingText(files)
        let sampler = try BatchSampler(text, contextLength: 16, path: "")
        var tokens = [UInt16](repeating: 0, count: 32 * 16)
        var targets = tokens
        sampler.fill(tokens: &tokens, targets: &targets, seed: BatchSeed(number: 3), step: 8)
        let places = sampler.places(32, seed: BatchSeed(number: 3), step: 8)
        #expect(Set(places.map(\.path)).count > 2)
        for (sequence, place) in places.enumerated() {
            let file = try #require(files.first { $0.path == place.path })
            let token = tokens[16 * sequence]
            #expect(token == ByteTokenizer.begin || token == ByteTokenizer.encode([file.bytes[place.byte]])[0])
        }
    }
}

/// Runs `body` with a directory of its own, removed afterwards.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.path + "/model-test-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try body(directory)
}
