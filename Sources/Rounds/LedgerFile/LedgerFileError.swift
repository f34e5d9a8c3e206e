import Crypto
import Ledger
import System
import Tensor

/// Why a file is no acceptable ledger. `item` counts the file's items from 0.
public enum LedgerFileError: Error, Equatable, Sendable {
    case notALedger
    case unsupportedVersion(UInt32)
    /// The file ends inside this item, or before the end item.
    case truncated(item: Int)
    case unknownKind(UInt8, item: Int)
    /// Another kind than the one that must stand here.
    case unexpectedItem(item: Int)
    case wrongLength(item: Int, bytes: UInt64)
    case tooLong(item: Int, bytes: UInt64, limit: UInt64)
    /// A version's record does not decode.
    case record(item: Int, RecordError)
    case wrongHeight(item: Int, expected: Height, found: Height)
    /// A version does not carry one contribution record for each manifest entry.
    case missingContributions(Height)
    /// A payload has another length than its contribution's record says.
    case wrongPayloadSize(Height, Slot, expected: UInt64, found: UInt64)
    /// The place of a payload names another contribution.
    case wrongPayload(Height, Slot)
    /// A payload's bytes are not the pieces that its contribution's record names.
    case damagedPayload(Height, Slot)
    /// The end item names another head than the last version.
    case wrongEnd
    case trailingBytes(count: Int)
    case unreadable(CodecError)
    case file(FileError)
}
