import Crypto
import Ledger

extension HeaderPart {
    var cbor: CBOR {
        .array([
            .unsigned(height.value), .unsigned(UInt64(offset)), .unsigned(UInt64(byteCount)), .boolean(isLast),
            .bytes(bytes),
        ])
    }

    /// A part lies inside of its version and is not empty.
    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 5, case .unsigned(let offset) = items[1],
            case .unsigned(let byteCount) = items[2], case .boolean(let isLast) = items[3],
            case .bytes(let bytes) = items[4]
        else { throw .wrongType(key: "header_part") }
        height = try Height(item: items[0])
        guard byteCount <= UInt64(Wire.versionBytesMaximum), offset < byteCount, !bytes.isEmpty,
            UInt64(bytes.count) <= byteCount - offset
        else { throw .outOfRange(key: "header_part") }
        self.offset = Int(offset)
        self.byteCount = Int(byteCount)
        self.isLast = isLast
        self.bytes = bytes
    }
}

extension BlockNote {
    var cbor: CBOR {
        switch self {
        case .wanted(let blocks): .array(blocks.map { .unsigned(UInt64($0)) })
        case .absent: .null
        }
    }

    init(cbor: CBOR) throws(RecordError) {
        switch cbor {
        case .null: self = .absent
        case .array(let items):
            guard (1...Wire.wantedPiecesMaximum).contains(items.count) else { throw .outOfRange(key: "blocks") }
            var blocks: [Int] = []
            for item in items {
                guard case .unsigned(let index) = item, index < UInt64(Wire.blocksMaximum) else {
                    throw .outOfRange(key: "blocks")
                }
                blocks.append(Int(index))
            }
            self = .wanted(blocks)
        default: throw .wrongType(key: "blocks")
        }
    }
}

extension Height {
    init(item: CBOR) throws(RecordError) {
        guard case .unsigned(let value) = item else { throw .wrongType(key: "height") }
        guard value <= Limits.heightMaximum else { throw .outOfRange(key: "height") }
        self.init(value)
    }
}

extension Wire {
    /// A certified version with all that it embeds: a quorum of ready records, the `closed` statements and the
    /// certificates of its manifest.
    static let versionBytesMaximum = 32 << 20
    /// Blocks of one version: a piece's index has four bytes.
    static let blocksMaximum = 1 << 31
    /// What one answer to a header request brings, unless its first version is larger.
    public static let headerBytesMaximum = 1 << 20
    private static let partBytesMaximum = 60 << 10

    /// A certified version for a node that syncs headers: its record, cut into parts that are messages each.
    ///
    /// - Parameter isLast: the answer ends with this version.
    public static func headerMessages(of version: CertifiedVersion, isLast: Bool) -> [[UInt8]] {
        let bytes = version.encoded
        return stride(from: 0, to: bytes.count, by: partBytesMaximum).map { offset in
            Message.headerPart(
                HeaderPart(
                    height: version.height, offset: offset, byteCount: bytes.count, isLast: isLast,
                    bytes: Array(bytes[offset..<min(bytes.count, offset + partBytesMaximum)]))
            ).encoded
        }
    }

    /// Says that the parameters under `root` are not kept here.
    public static func absentBlocks(of root: Digest) -> [UInt8] { Message.blocks(root, .absent).encoded }
}
