import Crypto
import Foundation
import Ledger

/// A record as text between two lines of dashes, so that it can be sent by mail or pasted into a chat:
///
///     -----BEGIN MESH CARD-----
///     base64, 64 characters a line
///     -----END MESH CARD-----
///
/// What stands before and after is ignored when it is read: the record carries its own signatures.
enum Armour {
    static let card = "MESH CARD"
    static let genesisSignature = "MESH GENESIS SIGNATURE"
    static let proposal = "MESH PROPOSAL"
    static let invitation = "MESH INVITATION"

    /// A proposal that every one of the most members has signed still fits; nothing longer is read.
    static let fileBytesMaximum = 256 << 10

    static func encode(_ record: some Record, as label: String) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var rest = Data(record.encoded).base64EncodedString()[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END \(label)-----\n"
    }

    /// The record in the file at `path`.
    static func read<Kind: Record>(_ kind: Kind.Type, _ label: String, from path: String) throws -> Kind {
        let bytes = try DiskFile.read(path, limitBytes: fileBytesMaximum)
        return try decode(kind, label, bytes, name: path)
    }

    static func decode<Kind: Record>(
        _ kind: Kind.Type, _ label: String, _ bytes: [UInt8], name: String
    ) throws -> Kind {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("\(name) is not text") }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
        let begin = "-----BEGIN\(label)-----".filter { $0 != " " }
        let end = "-----END\(label)-----".filter { $0 != " " }
        guard let first = lines.firstIndex(of: begin), let last = lines[first...].firstIndex(of: end) else {
            throw Failure("\(name) has no block -----BEGIN \(label)-----")
        }
        guard let data = Data(base64Encoded: lines[(first + 1)..<last].joined()) else {
            throw Failure("\(name) is damaged: the block is not base64")
        }
        do throws(RecordError) {
            return try Kind(encoded: [UInt8](data))
        } catch {
            throw Failure("\(name) is damaged: \(error)")
        }
    }
}
