import Crypto
import System

/// A witness beside the database: the highest journal sequence that was ever reported as durable. SQLite drops the
/// rest of a write-ahead log silently from a damaged frame on; without a witness lost votes would go unnoticed.
///
/// Two places are written in turn, each 8 bytes of sequence (little-endian) and a digest of 32, so that a write that
/// was cut off leaves the other. Written after the database's sync and not synced itself: it may lag, never lead.
final class JournalMark: @unchecked Sendable {  // touched by the journal's thread only, after init
    static let placeBytes = 8 + Digest.byteCount
    private static let domain = DigestDomain("mesh/mark")

    private let file: File
    private var turn = 0
    /// The highest sequence that an intact place names; 0 in a new file.
    let sequence: UInt64
    /// Places that were damaged when the file was opened.
    let damagedPlaces: [Int]

    init(path: String) throws(FileError) {
        file = try File.open(path, .create())
        let count = try file.byteCount()
        let bytes = try file.read(at: 0, count: min(count, 2 * JournalMark.placeBytes))
        (sequence, damagedPlaces) = JournalMark.decode(bytes)
        turn = damagedPlaces.first ?? 0
    }

    /// Reads what a mark's file holds. A place that was never written is not damaged.
    static func decode(_ bytes: [UInt8]) -> (sequence: UInt64, damagedPlaces: [Int]) {
        var sequence: UInt64 = 0
        var damaged: [Int] = []
        for place in 0..<2 {
            let start = place * placeBytes
            guard bytes.count > start else { continue }
            guard bytes.count >= start + placeBytes else {
                damaged.append(place)
                continue
            }
            let number = Array(bytes[start..<start + 8])
            if bytes[start..<start + placeBytes].allSatisfy({ $0 == 0 }) { continue }
            guard Digest(bytes: bytes[start + 8..<start + placeBytes]) == Digest(domain, number) else {
                damaged.append(place)
                continue
            }
            sequence = max(sequence, number.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }
        return (sequence, damaged)
    }

    func record(_ sequence: UInt64) throws(FileError) {
        let number = withUnsafeBytes(of: sequence.littleEndian, Array.init)
        try file.write(number + Digest(JournalMark.domain, number).bytes, at: turn * JournalMark.placeBytes)
        turn = 1 - turn
    }
}
