import Testing

struct StyleTests {
    static let linesMax = 600

    @Test func noTryOrCastTrapsInSources() throws {
        for file in try SourceTree.files(below: "Sources", ["swift"]) {
            let places = file.places { $0.contains("try!") || $0.contains(" as! ") }
            #expect(places.isEmpty, "\(places)")
        }
    }

    @Test func everyUncheckedSendableSaysWhy() throws {
        for file in try SourceTree.files(below: "Sources", ["swift"]) {
            let places = file.places { line in
                guard let found = line.range(of: "@unchecked Sendable") else { return false }
                return !line[found.upperBound...].contains(/\/\/ *\w+ \w+/)
            }
            #expect(places.isEmpty, "no reason beside it: \(places)")
        }
    }

    @Test func noSourceFileIsTooLongToRead() throws {
        let files = try SourceTree.files(below: "Sources", ["swift", "c", "h"])
        #expect(files.count > 10)
        for file in files {
            #expect(file.lines.count <= Self.linesMax, "\(file.path) has \(file.lines.count) lines")
        }
    }

    /// A test waits on a condition, or drives simulated time. The words are put together here, lest this file find itself.
    @Test func noTestSleeps() throws {
        let call = "sleep" + "("
        for file in try SourceTree.files(below: "Tests", ["swift"]) {
            let places = file.places { $0.contains(call) }
            #expect(places.isEmpty, "\(places)")
        }
    }

    /// Foundation's processes can wait for one another without end; see `ChildProcess`.
    @Test func noTestStartsAProcessItself() throws {
        let call = "Process" + "()"
        for file in try SourceTree.files(below: "Tests", ["swift"]) {
            let places = file.places { $0.contains(" " + call) || $0.contains("=" + call) }
            #expect(places.isEmpty, "\(places)")
        }
    }

    @Test(arguments: ["Sources", "Tests"]) func nothingIsLeftForLater(folder: String) throws {
        let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        for file in try SourceTree.files(below: folder, ["swift", "c", "h"]) {
            let places = file.places { line in
                line.split { !$0.isLetter }.contains { marks.contains(String($0)) }
            }
            #expect(places.isEmpty, "\(places)")
        }
    }
}
