extension CodecError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missingParameter(let name): "the tensor \(name) is missing"
        case .unexpectedParameter(let name): "the tensor \(name) is not in the model"
        case .shapeMismatch(let name, let expected, let found):
            "the tensor \(name) has shape \(found), the model has \(expected)"
        case .parameterCountMismatch(let expected, let found):
            "it is for \(found) parameters, the model has \(expected)"
        case .dtypeMismatch(let name, let found): "the tensor \(name) is of type \(found)"
        case .profileMismatch: "its codec profile is not that of the rules"
        case .nonFinite(let parameter): "an infinity or not-a-number at parameter \(parameter) or after it"
        case .indexOutOfOrder(let chunk): "an index leads out of chunk \(chunk)"
        case .entryCountOutOfRange(let chunk): "chunk \(chunk) has a wrong number of entries"
        case .scaleOutOfRange(let chunk): "the scale of chunk \(chunk) is out of range"
        case .sizeMismatch(let segment, let expected, let found):
            (segment.map { "segment \($0)" } ?? "the payload") + " has \(found) bytes, expected \(expected)"
        case .gapBytesMismatch(let segment): "the gaps of segment \(segment) take another number of bytes than it says"
        case .unusedBitsNotZero(let segment): "segment \(segment) has bits set after its end"
        case .emptyChunkNotCanonical(let chunk): "chunk \(chunk) is empty and not written as an empty chunk"
        case .normMismatch(let claimed, let computed): "its norm is \(computed), its record says \(claimed)"
        case .tooLarge(let parameter): "the value at parameter \(parameter) or after it is too large"
        case .normTooLarge: "its norm is too large"
        case .unreadable(let error): "it cannot be read: \(error)"
        }
    }
}

extension EncodingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .codec(let error): error.description
        case .file(let error): error.description
        }
    }
}

extension AveragingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .contribution(let entry, let error): "the contribution in place \(entry) does not decode: \(error)"
        case .file(let error): error.description
        case .nonFinite(let block): "the outer step leaves the range of float32 in block \(block)"
        }
    }
}
