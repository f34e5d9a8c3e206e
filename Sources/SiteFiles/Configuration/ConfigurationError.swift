/// What is wrong with a TOML file: where, which key, what was expected and what was found.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    public let file: String
    /// From 1; nil where it cannot be told.
    public let line: Int?
    /// `[section] key`, or nil where the file as a whole is meant.
    public let key: String?
    public let expected: String
    public let found: String

    /// `meshnode.toml:7: [mesh] listen: expected host:port, found "here"`.
    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        let subject = key.map { " \($0):" } ?? ""
        return "\(place):\(subject) expected \(expected), found \(found)"
    }
}
