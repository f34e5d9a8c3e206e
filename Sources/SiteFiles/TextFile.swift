import Crypto
import Glibc
import System

/// The one reader of all text that an operator hands to a program: configuration, rules, peers, cards, proposals,
/// invitations, passphrases.
///
/// Editors end lines with LF, CRLF or CR, and some begin a file with a byte order mark. All of them mean the same text
/// here: the mark is removed, and every line ends with LF.
public enum TextFile {
    /// The UTF-8 byte order mark, U+FEFF.
    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    private static let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))

    /// The bytes without a leading byte order mark, and with LF in the place of CRLF and CR.
    public static func normalized(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount)
        var followsReturn = false
        for byte in bytes {
            if byte == carriageReturn {
                text.append(lineFeed)
            } else if byte != lineFeed || !followsReturn {
                text.append(byte)
            }
            followsReturn = byte == carriageReturn
        }
        return text.starts(with: mark) ? Array(text.dropFirst(mark.count)) : text
    }

    /// - Parameter name: the file's name for messages.
    /// - Throws: `SiteFileError` where the bytes are not UTF-8, or hold a zero byte, as UTF-16 does.
    public static func decode(_ bytes: [UInt8], name: String) throws(SiteFileError) -> String {
        guard let text = String(validating: normalized(bytes), as: UTF8.self), !text.utf8.contains(0) else {
            throw SiteFileError(name, "is not UTF-8 text; save it as UTF-8")
        }
        return text
    }

    /// The bytes of the file at `path` as they are.
    ///
    /// - Parameter limitBytes: a longer file is refused before anything is read.
    static func bytes(of path: String, limitBytes: Int) throws(SiteFileError) -> [UInt8] {
        do throws(FileError) {
            return try File.contents(of: path, limitBytes: limitBytes)
        } catch {
            throw SiteFileError(path, error.reason)
        }
    }

    /// The text of the file at `path`.
    public static func read(_ path: String, limitBytes: Int) throws(SiteFileError) -> String {
        try decode(bytes(of: path, limitBytes: limitBytes), name: path)
    }
}

/// The passphrase of key files: the first line of a file, so that it appears in no list of processes.
public enum PassphraseFile {
    /// Nothing longer is read.
    public static let bytesMaximum = 4096

    /// - Throws: `SiteFileError` where the file cannot be read or its first line is empty.
    public static func read(_ path: String) throws(SiteFileError) -> SecretBytes {
        var bytes = try TextFile.bytes(of: path, limitBytes: bytesMaximum)
        defer { erase(&bytes) }
        var text = TextFile.normalized(bytes)
        defer { erase(&text) }
        let line = text.firstIndex(of: UInt8(ascii: "\n")) ?? text.count
        guard line > 0 else { throw SiteFileError(path, line: 1, "is empty; the passphrase belongs on the first line") }
        return SecretBytes(Array(text[..<line]))
    }

    private static func erase(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
    }
}
