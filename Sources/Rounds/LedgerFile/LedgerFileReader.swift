import Crypto
import Ledger
import System
import Tensor

/// Reads an exported ledger, a version at a time. Every length is held against the bytes that are really there and
/// against its limit before anything is allocated; payloads stay in the file until they are asked for.
///
/// Says whether the file is whole and consistent in itself. Whether its versions are right, `Chain.audited` and `Replay`
/// say.
public struct LedgerFileReader: Sendable {
    public let network: NetworkID
    private var scanner: LedgerItemScanner
    private var height = Height.genesis
    /// Of the last version that was read; nil before the first.
    private var head: VersionDigest?

    /// The head that the file's end names; nil until `next` has returned nil.
    public private(set) var end: (height: Height, head: VersionDigest)?

    public init(path: String) throws(LedgerFileError) {
        let file: FilePayload
        do throws(FileError) { file = try FilePayload(path: path) } catch { throw .file(error) }
        try self.init(file)
    }

    public init(_ file: any PayloadReader) throws(LedgerFileError) {
        scanner = try LedgerItemScanner(file)
        let item = try scanner.next()
        guard item.kind == .network else { throw .unexpectedItem(item: item.index) }
        network = NetworkID(try scanner.digest(item))
    }

    /// The next version with its payloads; nil at the end of the ledger, whose last bytes are then checked.
    public mutating func next() throws(LedgerFileError) -> LedgerFileEntry? {
        guard end == nil else { return nil }
        let item = try scanner.next()
        switch item.kind {
        case .version: return try entry(item)
        case .end:
            try finish(item)
            return nil
        case .network, .payload, .absentPayload: throw .unexpectedItem(item: item.index)
        }
    }

    private mutating func entry(_ item: LedgerItemScanner.Item) throws(LedgerFileError) -> LedgerFileEntry {
        let bytes = try scanner.bytes(item, limit: LedgerFormat.versionBytesLimit)
        let certified: CertifiedVersion
        do throws(RecordError) {
            certified = try CertifiedVersion(encoded: bytes)
        } catch {
            throw .record(item: item.index, error)
        }
        guard certified.height == height.next else {
            throw .wrongHeight(item: item.index, expected: height.next, found: certified.height)
        }
        guard certified.contributions.count == certified.version.manifest.count else {
            throw .missingContributions(certified.height)
        }
        var payloads: [FileSlice?] = []
        for (entry, contribution) in zip(certified.version.manifest, certified.contributions) {
            payloads.append(try payload(of: entry, contribution.body, at: certified.height))
        }
        height = certified.height
        head = certified.version.versionDigest
        return LedgerFileEntry(certified: certified, payloads: payloads)
    }

    private mutating func payload(
        of entry: ManifestEntry, _ contribution: Ledger.Contribution, at height: Height
    ) throws(LedgerFileError) -> FileSlice? {
        let item = try scanner.next()
        switch item.kind {
        case .payload:
            guard UInt64(item.range.count) == contribution.payloadBytes else {
                throw .wrongPayloadSize(
                    height, entry.slot, expected: contribution.payloadBytes, found: UInt64(item.range.count))
            }
            return FileSlice(file: scanner.file, range: item.range)
        case .absentPayload:
            guard try scanner.digest(item) == entry.contribution.digest else { throw .wrongPayload(height, entry.slot) }
            return nil
        case .network, .version, .end: throw .unexpectedItem(item: item.index)
        }
    }

    private mutating func finish(_ item: LedgerItemScanner.Item) throws(LedgerFileError) {
        guard item.range.count == 8 + Digest.byteCount else {
            throw .wrongLength(item: item.index, bytes: UInt64(item.range.count))
        }
        let bytes = try scanner.bytes(item, limit: item.range.count)
        guard let digest = Digest(bytes: bytes[8...]) else { throw .wrongEnd }
        let named = VersionDigest(digest)
        // Of an empty ledger, the head is version 0, which only the genesis knows.
        guard LedgerFormat.integer(bytes[..<8]) == height.value, head == nil || head == named else { throw .wrongEnd }
        guard scanner.remaining == 0 else { throw .trailingBytes(count: scanner.remaining) }
        end = (height, named)
    }
}

/// One height of an exported ledger.
public struct LedgerFileEntry: Sendable {
    public let certified: CertifiedVersion
    /// In the order of the manifest; nil where the exporter no longer kept it.
    fileprivate let payloads: [FileSlice?]

    /// How many of the payloads are here.
    public var payloadCount: Int { payloads.count { $0 != nil } }

    /// Checks the pieces of every payload that is here against its contribution's record.
    ///
    /// - Throws: `damagedPayload`, `unreadable`.
    public func verifyPayloads() throws(LedgerFileError) {
        for (payload, contribution) in zip(payloads, certified.contributions.map(\.body)) {
            guard let payload else { continue }
            let root: Digest
            do throws(CodecError) {
                root = try PieceTree.tree(of: payload, pieceBytes: contribution.pieceBytes).root
            } catch {
                throw .unreadable(error)
            }
            guard root == contribution.pieceRoot else { throw .damagedPayload(certified.height, contribution.slot) }
        }
    }
}

extension LedgerFileEntry: PayloadSource {
    public func payload(of contribution: ContributionDigest) -> (any PayloadReader)? {
        guard let index = certified.version.manifest.firstIndex(where: { $0.contribution == contribution }) else {
            return nil
        }
        return payloads[index]
    }
}

/// A part of a file as a payload of its own.
struct FileSlice: PayloadReader {
    let file: any PayloadReader
    let range: Range<Int>

    var byteCount: Int { range.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(CodecError) {
        precondition(offset >= 0 && buffer.count <= range.count - offset)
        try file.read(at: range.lowerBound + offset, into: buffer)
    }
}
