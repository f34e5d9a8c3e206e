import System

/// Why a contribution is refused. Nothing is ever silently repaired or zeroed.
public enum CodecError: Error, Hashable, Sendable {
    /// A tensor of the layout is not there.
    case missingParameter(String)
    /// A tensor that the layout does not have.
    case unexpectedParameter(String)
    case shapeMismatch(name: String, expected: [Int], found: [Int])
    /// The payload is for another number of parameters.
    case parameterCountMismatch(expected: Int, found: Int)
    case dtypeMismatch(name: String, found: String)
    /// The payload has another profile than the rules ask for; nil if it has none that is known.
    case profileMismatch(expected: CodecProfile, found: CodecProfile?)
    /// An infinity or not-a-number, at or after this parameter of the flat vector.
    case nonFinite(parameter: Int)
    /// A gap that leads past the end of its chunk.
    case indexOutOfOrder(chunk: Int)
    /// More entries missing than the chunk can have.
    case entryCountOutOfRange(chunk: Int)
    /// Entries without a scale, or a scale without entries: a chunk without entries has one form, zero.
    case emptyChunkNotCanonical(chunk: Int)
    /// A scale code beyond the largest.
    case scaleOutOfRange(chunk: Int)
    /// The payload, its directory or a segment has another length than it says, or than its entries take.
    case sizeMismatch(segment: Int?, expectedBytes: Int, foundBytes: Int)
    /// The gaps of a segment's entries take more or fewer bytes than the segment has for them.
    case gapBytesMismatch(segment: Int)
    /// A bit behind a segment's last code is set.
    case unusedBitsNotZero(segment: Int)
    case normMismatch(claimed: UInt64, computed: UInt64)
    /// A value of 1024 or more, or one that no scale reaches, at or after this parameter of the flat vector.
    case tooLarge(parameter: Int)
    /// The sum of squares reaches `FixedPoint.squareSumLimit`.
    case normTooLarge
    /// The payload's storage could not be read.
    case unreadable(FileError)

    /// The refusal's name in the protocol; nil for a fault of our own disk.
    public var refusal: String? {
        switch self {
        case .missingParameter: "missing-parameter"
        case .unexpectedParameter: "unexpected-parameter"
        case .shapeMismatch, .parameterCountMismatch: "shape-mismatch"
        case .dtypeMismatch, .profileMismatch: "dtype-mismatch"
        case .nonFinite: "non-finite"
        case .indexOutOfOrder: "index-out-of-order"
        case .entryCountOutOfRange, .sizeMismatch, .gapBytesMismatch: "size-mismatch"
        case .emptyChunkNotCanonical, .unusedBitsNotZero: "not-canonical"
        case .normMismatch: "norm-mismatch"
        case .scaleOutOfRange, .tooLarge, .normTooLarge: "too-large"
        case .unreadable: nil
        }
    }
}
