/// What can be asked of a running relay, one a line: `cut FROM TO`, `heal FROM TO`, `report`. A `*` stands for every site.
enum Command: Equatable, Sendable {
    /// From now on nothing gets from the one to the other; nil for every site.
    case cut(from: SiteIndex?, to: SiteIndex?)
    case heal(from: SiteIndex?, to: SiteIndex?)
    /// Write down what was carried and what was not.
    case report

    enum Failure: Error, Equatable, CustomStringConvertible {
        case unknown(String)
        case unknownSite(String)

        var description: String {
            switch self {
            case .unknown(let line): "not a command: '\(line)'"
            case .unknownSite(let name): "no site is called '\(name)'"
            }
        }
    }

    init(_ line: String, siteNames: [String]) throws(Failure) {
        let words = line.split(separator: " ").map(String.init)
        func site(_ name: String) throws(Failure) -> SiteIndex? {
            if name == "*" { return nil }
            guard let index = siteNames.firstIndex(of: name) else { throw .unknownSite(name) }
            return SiteIndex(index)
        }
        switch (words.first, words.count) {
        case ("cut", 3): self = .cut(from: try site(words[1]), to: try site(words[2]))
        case ("heal", 3): self = .heal(from: try site(words[1]), to: try site(words[2]))
        case ("report", 1): self = .report
        default: throw .unknown(line)
        }
    }
}

/// Puts bytes together to lines of bounded length.
struct LineReader {
    private var rest: [UInt8] = []

    private static let lineBytesMaximum = 4096

    /// The lines that end in `bytes`; what follows the last end of line is kept.
    mutating func lines(adding bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(String(decoding: rest, as: UTF8.self))
                rest = []
            } else if rest.count < LineReader.lineBytesMaximum {
                rest.append(byte)
            }
        }
        return lines
    }
}
