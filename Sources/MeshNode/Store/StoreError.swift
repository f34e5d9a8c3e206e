import System

/// What is wrong with something stored, by file and place.
enum StoreError: Error, Equatable, Sendable {
    case file(FileError)
    /// SQLite refused.
    case database(file: String, message: String)
    /// A row is not what was written: its checksum does not fit.
    case damagedRow(file: String, table: String, row: String)
    /// Commits that were reported as durable are not there any more: the journal was lost or rolled back.
    case lostJournal(file: String, expectedSequence: UInt64, foundSequence: UInt64)
    case wrongNetwork(file: String, expected: String, found: String)
    case unsupportedFormat(file: String, found: String)
    /// Another daemon holds this state directory.
    case inUse(directory: String)
    /// A row is intact and still is not what belongs there.
    case inconsistent(file: String, table: String, row: String, problem: String)
    /// The parameters of a version can be had neither from disk nor by replay.
    case missingParameters(height: UInt64, root: String, reason: String)
    /// A contribution that a version lists is no longer here, or never was.
    case missingContribution(height: UInt64, contribution: String)
}

extension StoreError: CustomStringConvertible {
    var description: String {
        switch self {
        case .file(let error): error.description
        case .database(let file, let message): "\(file): \(message)"
        case .damagedRow(let file, let table, let row):
            "\(file): table \(table), row \(row): damaged, its checksum does not fit"
        case .lostJournal(let file, let expected, let found):
            "\(file): the journal ends at entry \(found), and entry \(expected) was durable before: it was lost or "
                + "rolled back, and signing again could contradict what it held"
        case .wrongNetwork(let file, let expected, let found):
            "\(file): belongs to network \(found), the genesis file is of network \(expected)"
        case .unsupportedFormat(let file, let found): "\(file): has format \(found), this program knows 1"
        case .inUse(let directory): "\(directory): another daemon runs on this state directory"
        case .inconsistent(let file, let table, let row, let problem):
            "\(file): table \(table), row \(row): \(problem)"
        case .missingParameters(let height, let root, let reason):
            "parameters of version \(height) (root \(root)): \(reason)"
        case .missingContribution(let height, let contribution):
            "contribution \(contribution), which version \(height) lists, is not kept here"
        }
    }

    /// Whether an operator can cure it while the daemon waits: see `FileError.isDiskUnavailable`.
    var isDiskUnavailable: Bool {
        if case .file(let error) = self { error.isDiskUnavailable } else { false }
    }
}

/// The value of an access to files; what it throws becomes an error of the store.
func stored<Value>(_ access: @autoclosure () throws(FileError) -> Value) throws(StoreError) -> Value {
    do throws(FileError) { return try access() } catch { throw .file(error) }
}
