import Foundation
import Ledger

/// Reads the card that `meshctl keygen` wrote: base64 between two lines of dashes.
enum SiteCard {
    static func read(_ path: String) throws -> Card {
        let bytes = try DiskFile.contents(of: path, limitBytes: Limits.recordBytes)
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        let block = lines.drop { !$0.hasPrefix("-----BEGIN MESH CARD") }.dropFirst()
            .prefix { !$0.hasPrefix("-----END") }
        guard let data = Data(base64Encoded: block.joined()), let signed = try? SignedCard(encoded: [UInt8](data)),
            signed.isValid
        else { throw DaemonError("\(path): is not a card with valid signatures") }
        return signed.card
    }
}
