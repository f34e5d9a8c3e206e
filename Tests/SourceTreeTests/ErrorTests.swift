import Testing

/// Every error may reach a person, in a log, a refusal or a verb's last line: each says what happened in a sentence.
struct ErrorTests {
    /// The names of the types that a line declares to be errors.
    private static func errors(in line: String) -> [String] {
        guard line.contains("Error") else { return [] }  // most lines: the search costs more
        return line.matches(of: /\b(?:enum|struct|class) (\w+)(?:<[^>]*>)?\s*:\s*([^{]*)\{/).compactMap { match in
            let clause = match.2.split { !$0.isLetter }
            return clause.contains("Error") ? String(match.1) : nil
        }
    }

    private static func described(in line: String) -> [String] {
        guard line.contains("CustomStringConvertible") else { return [] }
        return line.matches(of: /\b(?:enum|struct|class|extension) (?:\w+\.)*(\w+)(?:<[^>]*>)?\s*:\s*([^{]*)\{/)
            .compactMap {
                $0.2.contains("CustomStringConvertible") ? String($0.1) : nil
            }
    }

    @Test("Every error type has a description of its own") func describesErrors() throws {
        let files = try SourceTree.files(below: "Sources", ["swift"])
        let described = Set(files.flatMap { $0.lines.flatMap(Self.described) })
        var count = 0
        for file in files {
            for line in file.lines {
                for name in Self.errors(in: line) {
                    count += 1
                    #expect(described.contains(name), "\(file.path): \(name) would be printed as a case of Swift")
                }
            }
        }
        #expect(count > 20)
    }

    @Test("No message shows an errno as a number") func namesErrno() throws {
        for file in try SourceTree.files(below: "Sources", ["swift"]) {
            let places = file.places { $0.contains("\\(errno)") }
            #expect(places.isEmpty, "\(places)")
        }
    }
}
