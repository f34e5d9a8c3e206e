import Crypto
import Ledger

/// The format of an exported ledger: everything that an outsider needs to check a chain, beside its genesis file and
/// version 0. All integers little-endian.
///
///     0    8   magic "meshlgr\n"
///     8    4   version, 1
///     12   4   zero
///     16       items, each: 1 byte kind, 7 bytes zero, 8 bytes length, then so many bytes
///
/// The items, in this order:
///
///     1  network          32 bytes: the network id. First, once.
///     2  version          a `CertifiedVersion` in deterministic CBOR; heights from 1 on, without a gap.
///     3  payload          after its version, one for each manifest entry in the manifest's order: raw bytes; or
///     4  absent payload   32 bytes: the digest of a contribution whose payload the exporter no longer keeps.
///     5  end              8 bytes head height, 32 bytes head version digest. Last, once.
///
/// These functions give the bytes piece by piece, for whoever streams an export without a file.
public enum LedgerFormat {
    static let magic = Array("meshlgr\n".utf8)
    static let version: UInt32 = 1
    static let fileHeaderBytes = 16
    public static let itemHeaderBytes = 16

    /// A certified version may take so much at most: far above what 1,024 members make of it.
    public static let versionBytesLimit = 256 << 20

    enum Kind: UInt8 {
        case network = 1
        case version = 2
        case payload = 3
        case absentPayload = 4
        case end = 5
    }

    /// What a file begins with.
    public static func start(network: NetworkID) -> [UInt8] {
        magic + littleEndian(version) + [0, 0, 0, 0] + item(.network, network.digest.bytes)
    }

    /// A version, whole.
    public static func version(_ certified: CertifiedVersion) -> [UInt8] { item(.version, certified.encoded) }

    /// What stands before the raw bytes of a payload.
    public static func payloadHeader(byteCount: UInt64) -> [UInt8] { header(.payload, byteCount) }

    /// What stands in the place of a payload that is no longer kept.
    public static func absentPayload(_ contribution: ContributionDigest) -> [UInt8] {
        item(.absentPayload, contribution.digest.bytes)
    }

    /// What a file ends with.
    public static func end(height: Height, head: VersionDigest) -> [UInt8] {
        item(.end, littleEndian(height.value) + head.digest.bytes)
    }

    private static func item(_ kind: Kind, _ body: [UInt8]) -> [UInt8] { header(kind, UInt64(body.count)) + body }

    private static func header(_ kind: Kind, _ byteCount: UInt64) -> [UInt8] {
        [kind.rawValue, 0, 0, 0, 0, 0, 0, 0] + littleEndian(byteCount)
    }

    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian, Array.init)
    }

    /// - Parameter bytes: at most eight.
    static func integer(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
