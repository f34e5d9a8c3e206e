import Crypto
import FoundationEssentials
import Ledger

/// A record as text between two lines of dashes, so that it can be sent by mail or pasted into a chat:
///
///     -----BEGIN MESH CARD-----
///     base64, 64 characters per line
///     -----END MESH CARD-----
///
/// Text before and after the block is ignored: the record carries its own signatures.
public enum Armour {
    public static let card = "MESH CARD"
    public static let genesisSignature = "MESH GENESIS SIGNATURE"
    public static let proposal = "MESH PROPOSAL"
    public static let proposalVerdict = "MESH PROPOSAL VERDICT"
    public static let invitation = "MESH INVITATION"

    /// A proposal that every one of the most members has signed still fits; nothing longer is read.
    public static let fileBytesMaximum = 256 << 10

    public static func encode(_ record: some Record, as label: String) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var rest = Data(record.encoded).base64EncodedString()[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END \(label)-----\n"
    }

    /// The record in the file at `path`.
    public static func read<Kind: Record>(
        _ kind: Kind.Type, _ label: String, from path: String
    ) throws(SiteFileError) -> Kind {
        try decode(kind, label, TextFile.bytes(of: path, limitBytes: fileBytesMaximum), name: path)
    }

    /// - Parameter name: the file's name for messages.
    public static func decode<Kind: Record>(
        _ kind: Kind.Type, _ label: String, _ bytes: [UInt8], name: String
    ) throws(SiteFileError) -> Kind {
        let text = try TextFile.decode(bytes, name: name)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.filter { !$0.isWhitespace }
        }
        let begin = "-----BEGIN\(label)-----".filter { $0 != " " }
        let end = "-----END\(label)-----".filter { $0 != " " }
        guard let first = lines.firstIndex(of: begin), let last = lines[first...].firstIndex(of: end) else {
            throw SiteFileError(name, "has no block -----BEGIN \(label)-----")
        }
        guard let data = Data(base64Encoded: lines[(first + 1)..<last].joined()) else {
            throw SiteFileError(name, line: first + 1, "is damaged: the block is not base64; ask for the file again")
        }
        do throws(RecordError) {
            return try Kind(encoded: [UInt8](data))
        } catch {
            throw SiteFileError(name, "is damaged: \(error)")
        }
    }
}

extension SignedCard {
    /// The card in the file at `path`.
    ///
    /// - Throws: `SiteFileError` where it cannot be read, or its signatures are not of its own keys.
    public static func read(_ path: String) throws(SiteFileError) -> SignedCard {
        let card = try Armour.read(SignedCard.self, Armour.card, from: path)
        guard card.isValid else {
            throw SiteFileError(path, "the signatures do not belong to the card; ask the site for its card again")
        }
        return card
    }
}
