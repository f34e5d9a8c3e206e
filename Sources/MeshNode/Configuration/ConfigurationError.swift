/// What is wrong with a configuration file: where, which key, what was expected and what was found.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let file: String
    /// From 1; nil where it cannot be told.
    let line: Int?
    /// `[section] key`, or nil where the file as a whole is meant.
    let key: String?
    let expected: String
    let found: String

    /// `meshnode.toml:7: [mesh] listen: expected host:port, found "here"`.
    var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        let subject = key.map { " \($0):" } ?? ""
        return "\(place):\(subject) expected \(expected), found \(found)"
    }
}
