import Crypto
import Ledger
import Tensor

/// Why a contribution's payload does not pass.
public enum ContributionFault: Error, Hashable, Sendable {
    /// The record names another encoding than the rules.
    case encodingMismatch(expected: Encoding, found: Encoding)
    /// The record names another piece size than the rules.
    case pieceBytesMismatch(expected: UInt32, found: UInt32)
    /// More bytes than the rules allow, or than any payload of this layout and encoding can have.
    case tooLarge(bytes: UInt64, limit: UInt64)
    case codec(CodecError)
    /// What is stored has another length than the record says.
    case wrongStoredSize(expected: UInt64, found: UInt64)
    /// What is stored are not the pieces that the record names.
    case wrongStoredPieces(expected: Digest, found: Digest)

    /// The refusal's name in the protocol; nil where it is our own storage that failed, and nothing is said of the
    /// contribution.
    public var refusal: String? {
        switch self {
        case .encodingMismatch: "dtype-mismatch"
        case .pieceBytesMismatch: "size-mismatch"
        case .tooLarge: "too-large"
        case .codec(let error): error.refusal
        case .wrongStoredSize, .wrongStoredPieces: nil
        }
    }
}

/// Validation of a contribution's payload: everything that does not depend on the chain.
public enum ContributionValidation {
    /// Checks what the record claims, before any of the payload is fetched: encoding, piece size and length.
    public static func check(
        _ contribution: Ledger.Contribution, layout: ParameterLayout, rules: Rules
    ) throws(ContributionFault) {
        guard contribution.encoding == rules.encoding else {
            throw .encodingMismatch(expected: rules.encoding, found: contribution.encoding)
        }
        guard contribution.pieceBytes == rules.pieceBytes else {
            throw .pieceBytesMismatch(expected: rules.pieceBytes, found: contribution.pieceBytes)
        }
        let limit = rules.payloadBytesMaximum(of: TensorShape.list(of: layout))
        guard contribution.payloadBytes <= limit else {
            throw .tooLarge(bytes: contribution.payloadBytes, limit: limit)
        }
    }

    /// Checks a complete payload: `check`, its length, the root of its pieces, every value of it, and its norm.
    ///
    /// Reads the payload twice, a piece or a segment in memory at a time.
    ///
    /// - Parameter rules: those of the contribution's base.
    @discardableResult
    public static func validate(
        _ contribution: Ledger.Contribution, payload: some PayloadReader, layout: ParameterLayout, rules: Rules
    ) throws(ContributionFault) -> ContributionMeasure {
        try check(contribution, layout: layout, rules: rules)
        guard UInt64(payload.byteCount) == contribution.payloadBytes else {
            throw .wrongStoredSize(expected: contribution.payloadBytes, found: UInt64(payload.byteCount))
        }
        let root: Digest
        do throws(CodecError) {
            root = try PieceTree.tree(of: payload, pieceBytes: contribution.pieceBytes).root
        } catch {
            throw .codec(error)
        }
        guard root == contribution.pieceRoot else {
            throw .wrongStoredPieces(expected: contribution.pieceRoot, found: root)
        }
        do throws(CodecError) {
            return try Tensor.Contribution(
                payload: payload, layout: layout, profile: CodecProfile(contribution.encoding)
            ).validate(claimedNorm: contribution.norm)
        } catch {
            throw .codec(error)
        }
    }
}
