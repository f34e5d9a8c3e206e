/// What is wrong with a file that an operator gave: which file, where in it, and what was expected.
public struct SiteFileError: Error, Equatable, CustomStringConvertible {
    public let path: String
    /// From 1; nil where the file as a whole is meant.
    public let line: Int?
    public let message: String

    public init(_ path: String, line: Int? = nil, _ message: String) {
        self.path = path
        self.line = line
        self.message = message
    }

    /// `peers.txt:3: expected host:port, found "here"`.
    public var description: String { "\(path)\(line.map { ":\($0)" } ?? ""): \(message)" }
}
