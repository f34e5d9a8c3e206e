import Foundation

/// The digests of traces that were recorded before: one line per seed, with the seed and 64 hexadecimal digits.
///
/// A trace covers all that the nodes of a seed do (Docs/simulator.md), so a change that must not change behaviour leaves every
/// digest as it is.
struct RecordedTraces {
    private let digests: [UInt64: String]

    enum FileError: Error, CustomStringConvertible {
        case unreadable(path: String)
        case badLine(path: String, number: Int)

        var description: String {
            switch self {
            case .unreadable(let path): "\(path): no file of UTF-8 text can be read here"
            case .badLine(let path, let number):
                "\(path):\(number): the line must have a seed that no line before it has, and the 64 digits of a digest"
            }
        }
    }

    init(path: String) throws {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw FileError.unreadable(path: path)
        }
        var digests: [UInt64: String] = [:]
        for (index, line) in text.split(separator: "\n").enumerated() {
            let words = line.split(separator: " ")
            guard words.count == 2, let seed = UInt64(words[0]), words[1].utf8.count == 64,
                digests.updateValue(String(words[1]), forKey: seed) == nil
            else { throw FileError.badLine(path: path, number: index + 1) }
        }
        self.digests = digests
    }

    /// The seeds whose traces differ from the recorded ones, ascending.
    func changed(in traces: [UInt64: String]) -> [UInt64] {
        traces.filter { seed, digest in digests[seed].map { $0 != digest } ?? false }.keys.sorted()
    }

    /// How many of the seeds are recorded.
    func count(of traces: [UInt64: String]) -> Int { traces.keys.count { digests[$0] != nil } }

    static func text(_ traces: [UInt64: String]) -> String {
        traces.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
    }
}
