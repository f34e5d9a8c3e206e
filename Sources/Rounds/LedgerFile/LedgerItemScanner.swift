import Crypto
import Tensor

/// Walks over the items of a ledger file.
struct LedgerItemScanner: Sendable {
    struct Item {
        let kind: LedgerFormat.Kind
        /// From 0.
        let index: Int
        /// Its body in the file: lies inside of it.
        let range: Range<Int>
    }

    let file: any PayloadReader
    private var offset = LedgerFormat.fileHeaderBytes
    private var index = 0

    /// Checks the file's header.
    init(_ file: any PayloadReader) throws(LedgerFileError) {
        self.file = file
        guard file.byteCount >= LedgerFormat.fileHeaderBytes else { throw .notALedger }
        let header = try bytes(0..<LedgerFormat.fileHeaderBytes)
        guard Array(header[..<8]) == LedgerFormat.magic else { throw .notALedger }
        let version = UInt32(truncatingIfNeeded: LedgerFormat.integer(header[8..<12]))
        guard version == LedgerFormat.version else { throw .unsupportedVersion(version) }
        guard header[12...].allSatisfy({ $0 == 0 }) else { throw .notALedger }
    }

    /// Bytes after the last item that was read.
    var remaining: Int { file.byteCount - offset }

    mutating func next() throws(LedgerFileError) -> Item {
        guard remaining >= LedgerFormat.itemHeaderBytes else { throw .truncated(item: index) }
        let header = try bytes(offset..<offset + LedgerFormat.itemHeaderBytes)
        guard let kind = LedgerFormat.Kind(rawValue: header[0]), header[1..<8].allSatisfy({ $0 == 0 }) else {
            throw .unknownKind(header[0], item: index)
        }
        let length = LedgerFormat.integer(header[8...])
        guard length <= UInt64(remaining - LedgerFormat.itemHeaderBytes) else { throw .truncated(item: index) }
        let start = offset + LedgerFormat.itemHeaderBytes
        let item = Item(kind: kind, index: index, range: start..<start + Int(length))
        offset = item.range.upperBound
        index += 1
        return item
    }

    func bytes(_ item: Item, limit: Int) throws(LedgerFileError) -> [UInt8] {
        guard item.range.count <= limit else {
            throw .tooLong(item: item.index, bytes: UInt64(item.range.count), limit: UInt64(limit))
        }
        return try bytes(item.range)
    }

    func digest(_ item: Item) throws(LedgerFileError) -> Digest {
        guard item.range.count == Digest.byteCount, let digest = Digest(bytes: try bytes(item.range)) else {
            throw .wrongLength(item: item.index, bytes: UInt64(item.range.count))
        }
        return digest
    }

    private func bytes(_ range: Range<Int>) throws(LedgerFileError) -> [UInt8] {
        do throws(CodecError) {
            return try file.bytes(at: range.lowerBound, count: range.count)
        } catch {
            throw .unreadable(error)
        }
    }
}
