import Control
import Crypto

/// Finds the one thing whose digest begins with the digits that a person gave. All verbs that take a digest use it.
enum DigestResolver {
    struct Candidate {
        let digest: DigestText
        /// What it is, in a few words.
        let words: String

        init(_ digest: DigestText, _ words: String) {
            self.digest = digest
            self.words = words
        }
    }

    /// So many candidates are named where the digits are ambiguous.
    private static let namedMaximum = 8

    /// - Parameters:
    ///   - digits: hexadecimal, in upper or lower case.
    ///   - candidates: all there are.
    ///   - what: what is looked for, as "proposal".
    ///   - place: which verb lists all of them.
    /// - Throws: `Failure` where none begins with these digits, or more than one does: then it lists them.
    static func resolve(
        _ digits: String, among candidates: [Candidate], what: String, place: String
    ) throws -> DigestText {
        let wanted = try self.digits(digits, what: what, place: place)
        let found = candidates.filter { $0.digest.text.hasPrefix(wanted) }
        guard !found.isEmpty else { throw Failure("no \(what) \(digits) is known", advice: "See: \(place)") }
        return try single(found, digits, what)
    }

    /// Finds one thing by its whole name, or else by its digest.
    ///
    /// - Parameter candidates: all there are, with their names as words.
    static func resolve(
        _ text: String, named what: String, among candidates: [Candidate]
    ) throws -> DigestText {
        var found = candidates.filter { $0.words.utf8.elementsEqual(text.utf8) }
        if found.isEmpty, let wanted = try? digits(text, what: what, place: "") {
            found = candidates.filter { $0.digest.text.hasPrefix(wanted) }
        }
        guard !found.isEmpty else {
            let names = candidates.map(\.words).sorted()
            throw Failure(
                "no \(what) is called \(text)"
                    + (names.isEmpty ? ": there is none" : ", and no id begins so: there are \(Words.list(names))"))
        }
        return try single(found, text, what)
    }

    private static func single(_ found: [Candidate], _ text: String, _ what: String) throws -> DigestText {
        var seen: Set<DigestText> = []
        let found = found.filter { seen.insert($0.digest).inserted }
        guard let first = found.first, found.count == 1 else {
            let named = found.prefix(namedMaximum).map { "\n    \($0.digest.text)  \($0.words)" }.joined()
            let rest = found.count > namedMaximum ? "\n    and \(found.count - namedMaximum) more" : ""
            throw Failure("\(text) may be \(found.count) things of kind \(what); give more digits:\(named)\(rest)")
        }
        return first.digest
    }

    /// The digits in lower case.
    ///
    /// - Throws: `Failure` where they are no digits, or fewer than `minimum`.
    static func digits(_ text: String, atLeast minimum: Int = 1, what: String, place: String) throws -> String {
        let wanted = text.lowercased()
        guard (minimum...64).contains(wanted.utf8.count), wanted.utf8.allSatisfy({ isDigit($0) }) else {
            throw Failure(
                "\"\(text)\" is no digest of a \(what): give the first \(minimum) to 64 of its hexadecimal digits",
                advice: "See: \(place)")
        }
        return wanted
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
