import Ledger

/// Faults as sentences for a log. Tools that know the members' names have better ones.
extension ManifestFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missingPayload(let digest): "the payload of contribution \(digest.short) is missing"
        case .contribution(let digest, let error): "contribution \(digest.short) does not decode: \(error)"
        case .file(let error): error.description
        case .nonFinite(let block): "the outer step leaves the range of float32 in block \(block)"
        }
    }
}

extension ContributionFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .encodingMismatch: "its encoding is not that of the rules"
        case .pieceBytesMismatch(let expected, let found): "its pieces have \(found) bytes, the rules say \(expected)"
        case .tooLarge(let bytes, let limit): "it has \(bytes) bytes, at most \(limit) are possible"
        case .codec(let error): error.description
        case .wrongStoredSize(let expected, let found): "\(found) bytes are stored, its record says \(expected)"
        case .wrongStoredPieces(let expected, let found):
            "the stored pieces have the root \(found.short), its record says \(expected.short)"
        }
    }
}

extension LedgerFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notALedger: "this is not an exported ledger"
        case .unsupportedVersion(let version): "format version \(version) is unknown to this program"
        case .truncated(let item): "the file ends inside item \(item)"
        case .unknownKind(let kind, let item): "item \(item) is of unknown kind \(kind)"
        case .unexpectedItem(let item): "item \(item) does not belong there"
        case .wrongLength(let item, let bytes): "item \(item) has a wrong length, \(bytes) bytes"
        case .tooLong(let item, let bytes, let limit): "item \(item) has \(bytes) bytes, at most \(limit) are possible"
        case .record(let item, let error): "item \(item) is no version record: \(error)"
        case .wrongHeight(let item, let expected, let found):
            "item \(item) is version \(found) where version \(expected) must be"
        case .missingContributions(let height): "version \(height) lacks contribution records"
        case .wrongPayloadSize(let height, let slot, let expected, let found):
            "version \(height): the contribution of \(slot) has \(found) bytes, its record says \(expected)"
        case .wrongPayload(let height, let slot):
            "version \(height): another contribution is in the place of \(slot)"
        case .damagedPayload(let height, let slot):
            "version \(height): the contribution of \(slot) is damaged: its bytes are not what was signed"
        case .wrongEnd: "the end of the file names another head than its last version"
        case .trailingBytes(let count): "\(count) bytes follow the end"
        case .unreadable(let error): "cannot read: \(error)"
        case .file(let error): error.description
        }
    }
}

extension ReplayFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .layout(let error): "the genesis' tensors make no parameter vector: \(error)"
        case .wrongStart(let expected, let found):
            "the state to start from has \(found.short(besides: expected)), expected \(expected.short(besides: found))"
        case .wrongParameterCount(let expected, let found): "there are \(found) parameters, expected \(expected)"
        case .audit(let fault): fault.description
        case .contribution(let height, let slot, let fault):
            "version \(height): the contribution of \(slot) is not valid: \(fault)"
        case .missingPayload(let height, let slot): "version \(height): the contribution of \(slot) is not kept"
        case .manifest(let height, let fault): "version \(height) cannot be averaged: \(fault)"
        case .wrongRoot(let height, let expected, let computed):
            "version \(height): its contributions give the \(computed.short(besides: expected)), certified are "
                + expected.short(besides: computed)
        case .missingParameters(let height):
            "the parameters of version \(height), which a replay begins with, are not kept"
        case .missingVersion(let height): "version \(height), which a replay makes anew, is not kept"
        }
    }
}
