import Crypto
import Ledger

/// The file beside a blob that says which pieces are there and proves each against the signed root, so that every
/// piece can be checked by itself at any time, also while others are missing.
///
///     0    8   magic "meshpcs\n"
///     8    32  contribution digest
///     40   8   payload bytes (little-endian, as all integers)
///     48   4   piece bytes
///     52   8   height of the base
///     60   32  piece root
///     92   32  BLAKE2b-256 of all before it
///     124      one entry a piece: 1 byte count of siblings, the siblings (room for the deepest leaf), 32 digest
///
/// An entry of zeros is a piece that is not there. An entry's digest covers its index, count and siblings.
struct PieceSidecar: Equatable, Sendable {
    static let headerBytes = 124
    private static let magic = Array("meshpcs\n".utf8)
    private static let domain = DigestDomain("mesh/sidecar")

    let contribution: ContributionDigest
    let payloadBytes: UInt64
    let pieceBytes: UInt32
    /// Far below the head, a payload that no version lists is of no use any more.
    let baseHeight: Height
    let root: Digest

    init(_ contribution: Ledger.Contribution) {
        self.contribution = contribution.contributionDigest
        payloadBytes = contribution.payloadBytes
        pieceBytes = contribution.pieceBytes
        baseHeight = contribution.baseHeight
        root = contribution.pieceRoot
    }

    /// Reads a header; nil where it is not exactly what `encoded` gives.
    init?(encoded bytes: [UInt8]) {
        guard bytes.count == PieceSidecar.headerBytes, Array(bytes[..<8]) == PieceSidecar.magic,
            Digest(bytes: bytes[92...]) == Digest(PieceSidecar.domain, Array(bytes[..<92])),
            let contribution = Digest(bytes: bytes[8..<40]), let root = Digest(bytes: bytes[60..<92])
        else { return nil }
        let payloadBytes = bytes[40..<48].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let pieceBytes = bytes[48..<52].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let baseHeight = bytes[52..<60].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard (1...Limits.payloadBytesMaximum).contains(payloadBytes), baseHeight <= Limits.heightMaximum,
            (Limits.pieceBytesMinimum...Limits.pieceBytesMaximum).contains(pieceBytes)
        else { return nil }
        self.contribution = ContributionDigest(contribution)
        self.payloadBytes = payloadBytes
        self.pieceBytes = pieceBytes
        self.baseHeight = Height(baseHeight)
        self.root = root
    }

    var encoded: [UInt8] {
        var bytes = PieceSidecar.magic + contribution.digest.bytes
        bytes += withUnsafeBytes(of: payloadBytes.littleEndian, Array.init)
        bytes += withUnsafeBytes(of: pieceBytes.littleEndian, Array.init)
        bytes += withUnsafeBytes(of: baseHeight.value.littleEndian, Array.init)
        bytes += root.bytes
        return bytes + Digest(PieceSidecar.domain, bytes).bytes
    }

    var pieceCount: Int { Int((payloadBytes + UInt64(pieceBytes) - 1) / UInt64(pieceBytes)) }

    /// The place of piece `index` in the payload.
    func range(ofPiece index: Int) -> Range<Int> {
        let start = index * Int(pieceBytes)
        return start..<min(start + Int(pieceBytes), Int(payloadBytes))
    }

    /// Siblings of the deepest leaf.
    var depth: Int { pieceCount <= 1 ? 0 : Int.bitWidth - (pieceCount - 1).leadingZeroBitCount }

    var entryBytes: Int { 1 + Digest.byteCount * depth + Digest.byteCount }

    func entryOffset(_ index: Int) -> Int { PieceSidecar.headerBytes + index * entryBytes }

    var fileBytes: Int { entryOffset(pieceCount) }

    enum Entry: Equatable {
        case absent
        case present(proof: [Digest])
        case damaged
    }

    func encodedEntry(_ index: Int, proof: [Digest]) -> [UInt8] {
        precondition(proof.count <= depth)
        var bytes = [UInt8(proof.count) + 1]
        for sibling in proof { bytes += sibling.bytes }
        bytes += [UInt8](repeating: 0, count: 1 + Digest.byteCount * depth - bytes.count)
        return bytes + entryDigest(index, bytes).bytes
    }

    func entry(_ index: Int, from bytes: [UInt8]) -> Entry {
        guard bytes.count == entryBytes else { return .damaged }
        if bytes.allSatisfy({ $0 == 0 }) { return .absent }
        let body = Array(bytes[..<(bytes.count - Digest.byteCount)])
        guard Digest(bytes: bytes[body.count...]) == entryDigest(index, body), body[0] >= 1,
            Int(body[0]) - 1 <= depth
        else { return .damaged }
        var proof: [Digest] = []
        for place in 0..<Int(body[0]) - 1 {
            guard let sibling = Digest(bytes: body[1 + 32 * place..<33 + 32 * place]) else { return .damaged }
            proof.append(sibling)
        }
        return .present(proof: proof)
    }

    private func entryDigest(_ index: Int, _ body: [UInt8]) -> Digest {
        let place = withUnsafeBytes(of: UInt64(index).littleEndian, Array.init)
        return Digest(PieceSidecar.domain, contribution.digest.bytes + place + body)
    }

    /// Whether these are the bytes of piece `index` under the signed root.
    func verifies(_ bytes: [UInt8], index: Int, proof: [Digest]) -> Bool {
        index >= 0 && index < pieceCount && bytes.count == range(ofPiece: index).count
            && MerkleTree.verify(
                leaf: MerkleTree.leaf(bytes), index: index, leafCount: pieceCount, proof: proof, root: root)
    }
}
