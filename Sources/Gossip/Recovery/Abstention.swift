import Ledger

/// This node lost its journal, or may have: it signs nothing until it knows how far it may have signed before, and
/// nothing up to there. In the journal the last one counts.
public struct Abstention: Record, Hashable {
    /// The last height at which nothing is signed; nil while a quorum of others is still asked.
    public let until: Height?

    public init(until: Height?) { self.until = until }

    public var cbor: CBOR { .array(until.map { [.unsigned($0.value)] } ?? []) }

    public init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count <= 1 else { throw .wrongType(key: "abstention") }
        guard let item = items.first else {
            until = nil
            return
        }
        guard case .unsigned(let height) = item, height <= Limits.heightMaximum + 2 else {
            throw .outOfRange(key: "until")
        }
        until = Height(height)
    }
}

/// Why a node takes its journal for lost.
public enum JournalLoss: Equatable, Sendable {
    /// The shell says so: the store's witness, or an operator after a restore from a backup.
    case declared
    /// Another member returned a signature of this node, of this height, that its journal lacks.
    case signatureReturned(Height)
}
