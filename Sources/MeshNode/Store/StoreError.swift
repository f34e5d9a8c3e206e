import Glibc

/// What is wrong with something stored, by file and place.
enum StoreError: Error, Equatable, Sendable {
    /// The operating system refused; `code` is its errno.
    case system(file: String, operation: String, code: Int32)
    /// A directory, a named pipe, a device or the like is where a file must be.
    case notARegularFile(file: String)
    /// SQLite refused.
    case database(file: String, message: String)
    /// A row is not what was written: its checksum does not fit.
    case damagedRow(file: String, table: String, row: String)
    /// A part of a file is not what was written.
    case damagedFile(file: String, place: String)
    /// The file is longer or shorter than it must be.
    case wrongSize(file: String, expectedBytes: Int, foundBytes: Int)
    case tooLong(file: String, limitBytes: Int)
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
        case .system(let file, let operation, let code):
            "\(file): \(operation) failed: \(String(cString: strerror(code)))"
        case .notARegularFile(let file): "\(file): is not a regular file"
        case .database(let file, let message): "\(file): \(message)"
        case .damagedRow(let file, let table, let row):
            "\(file): table \(table), row \(row): damaged, its checksum does not fit"
        case .damagedFile(let file, let place): "\(file): \(place): damaged, its checksum does not fit"
        case .wrongSize(let file, let expected, let found): "\(file): has \(found) bytes, must have \(expected)"
        case .tooLong(let file, let limit): "\(file): has more than \(limit) bytes"
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

    /// Whether the system had no room, no right, or no descriptors for a write: something that an operator can cure while
    /// we wait.
    var isDiskUnavailable: Bool {
        switch self {
        case .system(_, _, let code): StoreError.unavailableCodes.contains(code)
        default: false
        }
    }

    /// EFBIG: the account's or the file system's limit on a file's size (`ulimit -f`).
    static let fullCodes: Set<Int32> = [ENOSPC, EDQUOT, EFBIG]

    static let readOnlyCodes: Set<Int32> = [EROFS, EACCES, EPERM]

    private static let unavailableCodes = fullCodes.union(readOnlyCodes).union([EIO, EMFILE, ENFILE, ENOMEM])
}
