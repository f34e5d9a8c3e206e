import System

/// What is wrong with which key file.
public struct KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Problem: Hashable, Sendable {
        /// The file cannot be read or written, or there is one already and replacing it was not asked for.
        case file(FileError)
        /// Others than the owner may read it, or it is executable; `mode` has the permission bits.
        case permissionsTooWide(mode: UInt32)
        case wrongLength(byteCount: Int, expected: [Int])
        /// It does not begin as a key file does.
        case wrongMagic
        case unsupportedVersion(UInt8)
        case wrongKind(found: UInt8, expected: KeyKind)
        case unknownProtection(UInt8)
        /// The checksum does not fit: a bit has flipped, or somebody edited the file.
        case damaged
        /// The passphrase's cost is beyond what a loader is willing to spend.
        case costOutOfRange(passes: UInt32, memoryKibibytes: UInt32)
        case passphraseMissing
        case passphraseWrong
        /// The key derivation found less memory than it needs.
        case outOfMemory(memoryKibibytes: UInt32)
        /// The public key in the file is not the one that belongs to the secret.
        case publicKeyMismatch
    }

    public let path: String
    public let problem: Problem

    public init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    public var description: String {
        if case .file(let error) = problem { error.description } else { "\(path): \(problem)" }
    }
}

extension KeyFileError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .permissionsTooWide(let mode): "has mode 0\(String(mode, radix: 8)), must have 0600 or less"
        case .wrongLength(let byteCount, let expected):
            "has \(byteCount) bytes, must have \(expected.map(String.init).joined(separator: " or "))"
        case .wrongMagic: "is not a key file"
        case .unsupportedVersion(let version): "has format version \(version), this program knows 1"
        case .wrongKind(let found, let expected):
            "holds \(KeyKind(rawValue: found)?.description ?? "a key of unknown kind \(found)"), expected \(expected)"
        case .unknownProtection(let value): "has an unknown kind of protection, \(value)"
        case .damaged: "is damaged: its checksum does not fit"
        case .costOutOfRange(let passes, let memoryKibibytes):
            "asks for \(passes) passes over \(memoryKibibytes) KiB for its passphrase, which is out of range"
        case .passphraseMissing: "needs a passphrase"
        case .passphraseWrong: "does not open with this passphrase"
        case .outOfMemory(let memoryKibibytes): "needs \(memoryKibibytes) KiB of memory for its passphrase"
        case .publicKeyMismatch: "holds a public key that does not belong to its secret"
        }
    }
}
