import Crypto
import Glibc

/// What is wrong with a file of parameters, by name and place.
public enum ParameterFileError: Error, Hashable, Sendable {
    /// The operating system refused: `code` is its errno.
    case system(file: String, operation: String, code: Int32)
    /// A directory, a named pipe, a device or the like is where a file must be.
    case notARegularFile(file: String)
    /// The file is longer than whoever reads it whole allows.
    case tooLong(file: String, bytes: Int, limitBytes: Int)
    case wrongSize(file: String, expectedBytes: Int, foundBytes: Int)
    /// The parameters of one block are not those that its Merkle leaf names.
    case corruptBlock(file: String, block: Int)
    /// The leaves that the file carries do not lead to the root that was asked for.
    case wrongRoot(file: String, expected: Digest, found: Digest)
    /// A parameter of this block is infinite or not a number.
    case nonFinite(file: String, block: Int)
    /// A number of this block of an optimizer's state is negative, infinite or not a number.
    case badSecondMoment(file: String, block: Int)
    /// The writer was given too few or too many parameters.
    case wrongCount(file: String, expected: Int, found: Int)
}

extension ParameterFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let file, let operation, let code):
            "\(file): \(operation) failed: \(String(cString: strerror(code)))"
        case .notARegularFile(let file): "\(file) is not a regular file"
        case .tooLong(let file, let bytes, let limit): "\(file) has \(bytes) bytes, at most \(limit) are read"
        case .wrongSize(let file, let expected, let found): "\(file) has \(found) bytes, expected \(expected)"
        case .corruptBlock(let file, let block): "\(file) is damaged in block \(block)"
        case .wrongRoot(let file, let expected, let found):
            "\(file) holds parameters \(found.short), expected \(expected.short)"
        case .nonFinite(let file, let block): "\(file) has an infinity or not-a-number in block \(block)"
        case .badSecondMoment(let file, let block):
            "\(file) has a number in block \(block) that is no second moment: it is negative, infinite or not a number"
        case .wrongCount(let file, let expected, let found): "\(file) has \(found) parameters, expected \(expected)"
        }
    }

    /// Whether the file is not there.
    public var isMissingFile: Bool {
        if case .system(_, _, ENOENT) = self { true } else { false }
    }

    /// Whether the disk, a quota or a file size limit has no room: freeing space cures it.
    public var isFullDisk: Bool {
        guard case .system(_, _, let code) = self else { return false }
        return code == ENOSPC || code == EDQUOT || code == EFBIG
    }
}
