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
        let wanted = digits.lowercased()
        guard !wanted.isEmpty, wanted.utf8.count <= 64, wanted.utf8.allSatisfy({ isDigit($0) }) else {
            throw Failure(
                "\"\(digits)\" is no digest of a \(what): give the first of its 64 hexadecimal digits",
                advice: "See: \(place)")
        }
        var seen: Set<DigestText> = []
        let found = candidates.filter { $0.digest.text.hasPrefix(wanted) && seen.insert($0.digest).inserted }
        guard let first = found.first else {
            throw Failure("no \(what) \(digits) is known", advice: "See: \(place)")
        }
        guard found.count == 1 else {
            let named = found.prefix(namedMaximum).map { "\n    \($0.digest.text)  \($0.words)" }.joined()
            let rest = found.count > namedMaximum ? "\n    and \(found.count - namedMaximum) more" : ""
            throw Failure("the digits \(digits) are those of \(found.count) of kind \(what); give more:\(named)\(rest)")
        }
        return first.digest
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
