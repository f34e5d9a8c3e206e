import Crypto

/// Why the record of a contribution is refused, as far as that shows without its payload.
public enum ContributionBreach: Error, Equatable, Sendable {
    /// None of the last `maxStaleness + 1` versions.
    case unknownBase
    case wrongNetwork
    case wrongBaseHeight(expected: Height, found: Height)
    case wrongEncoding(expected: Encoding, found: Encoding)
    case wrongPieceBytes(expected: UInt32, found: UInt32)
    /// More bytes than the rules allow, or than any payload of this model and encoding can have.
    case tooLarge(bytes: UInt64, limit: UInt64)
    /// More pieces than one message can name.
    case tooManyPieces(count: Int, limit: Int)
    /// The members excluded a data set that the record names.
    case excludedDataSet

    /// The refusal's name in the protocol.
    public var refusal: String {
        switch self {
        case .unknownBase, .wrongBaseHeight: "wrong-base"
        case .wrongNetwork: "wrong-network"
        case .wrongEncoding: "dtype-mismatch"
        case .wrongPieceBytes: "size-mismatch"
        case .tooLarge, .tooManyPieces: "too-large"
        case .excludedDataSet: "excluded-data-set"
        }
    }

    /// Whether the breach follows from the record and its base alone. Every node that knows the base then finds it, so
    /// an honest node never relays such a record. The other breaches depend on how far the node's own chain is.
    public var isProvable: Bool {
        switch self {
        case .unknownBase, .excludedDataSet: false
        case .wrongNetwork, .wrongBaseHeight, .wrongEncoding, .wrongPieceBytes, .tooLarge, .tooManyPieces: true
        }
    }
}

/// What a contribution's record must keep to.
extension Chain {
    /// The rules that a contribution and its payload must keep to: those of its base. Nil where that is no base any more.
    public func rules(for contribution: Contribution) -> Rules? { base(contribution.base)?.rules }

    /// Why the record is refused, as far as that shows without its payload; nil if it is not.
    public func breach(of contribution: Contribution) -> ContributionBreach? {
        guard let base = base(contribution.base) else { return .unknownBase }
        guard contribution.network == network else { return .wrongNetwork }
        guard contribution.baseHeight == base.height else {
            return .wrongBaseHeight(expected: base.height, found: contribution.baseHeight)
        }
        guard contribution.encoding == base.rules.encoding else {
            return .wrongEncoding(expected: base.rules.encoding, found: contribution.encoding)
        }
        guard contribution.pieceBytes == base.rules.pieceBytes else {
            return .wrongPieceBytes(expected: base.rules.pieceBytes, found: contribution.pieceBytes)
        }
        guard contribution.payloadBytes <= base.payloadBytesMaximum else {
            return .tooLarge(bytes: contribution.payloadBytes, limit: base.payloadBytesMaximum)
        }
        guard contribution.pieceCount <= Limits.pieces else {
            return .tooManyPieces(count: contribution.pieceCount, limit: Limits.pieces)
        }
        return governance.forbids(contribution) ? .excludedDataSet : nil
    }

    /// Whether the record says only what the rules of its base allow, as far as that shows without its payload, and names
    /// no data set that the members excluded for the future.
    public func isWithinRules(_ contribution: Contribution) -> Bool { breach(of: contribution) == nil }

    /// Whether the author's node key, in the set of its base, signed the record.
    public func isSignedByAuthor(_ contribution: Signed<Contribution>, verifier: Verifier) -> Bool {
        guard contribution.signer == contribution.body.author, let base = base(contribution.body.base) else {
            return false
        }
        return contribution.isValid(in: base.members, network: network, verifier: verifier)
    }
}
