import Crypto
import Ledger
import Tensor

/// How the contributions of a version went into it, as this site's averaging found. AvailabilityVote with the round.
struct RoundFigures: Sendable, Equatable {
    /// In the order of the manifest, as many as `figures` has entries.
    let authors: [MemberID]
    let figures: AveragingFigures

    /// The pairs of members whose contributions point against each other.
    var opposed: Set<MemberPair> {
        Set(figures.opposedPairs.map { MemberPair(authors[$0.first], authors[$0.second]) })
    }
}

/// Two members, whatever their order.
struct MemberPair: Sendable, Hashable {
    let lower: MemberID
    let higher: MemberID

    init(_ one: MemberID, _ other: MemberID) {
        lower = min(one, other)
        higher = max(one, other)
    }
}

extension RoundFigures {
    /// Cosines are stored as unsigned numbers: a cosine of -1 is 0, one of 1 is twice this.
    private static let cosineOne: Int64 = 1_000_000

    var cbor: CBOR {
        .array([
            .array(
                zip(authors, figures.entries).map { author, entry in
                    .array([
                        .bytes(author.digest.bytes), .unsigned(UInt64(entry.sharedWeightMillionths)),
                        .unsigned(UInt64(entry.clipFactorMillionths)),
                        entry.stepCosineMillionths.map(RoundFigures.cosine) ?? .null,
                        entry.nearest.map(RoundFigures.neighbour) ?? .null,
                        entry.farthest.map(RoundFigures.neighbour) ?? .null,
                    ])
                }),
            .array(
                figures.opposedPairs.map { .array([.unsigned(UInt64($0.first)), .unsigned(UInt64($0.second))]) }),
        ])
    }

    private static func cosine(_ millionths: Int64) -> CBOR { .unsigned(UInt64(millionths + cosineOne)) }

    private static func neighbour(_ neighbour: AveragingFigures.Neighbour) -> CBOR {
        .array([.unsigned(UInt64(neighbour.entry)), cosine(neighbour.cosineMillionths)])
    }

    /// Nil for anything but what `cbor` gives.
    init?(cbor: CBOR) {
        guard case .array(let parts) = cbor, parts.count == 2, case .array(let rows) = parts[0],
            case .array(let pairs) = parts[1]
        else { return nil }
        var authors: [MemberID] = []
        var entries: [AveragingFigures.Entry] = []
        for row in rows {
            guard case .array(let fields) = row, fields.count == 6, case .bytes(let bytes) = fields[0],
                let author = Digest(bytes: bytes), let weight = RoundFigures.number(fields[1], below: .max),
                let clip = RoundFigures.number(fields[2], below: RoundFigures.cosineOne + 1),
                let step = RoundFigures.optional(fields[3], RoundFigures.cosine),
                let nearest = RoundFigures.optional(fields[4], { RoundFigures.neighbour($0, of: rows.count) }),
                let farthest = RoundFigures.optional(fields[5], { RoundFigures.neighbour($0, of: rows.count) })
            else { return nil }
            authors.append(MemberID(author))
            entries.append(
                AveragingFigures.Entry(
                    sharedWeightMillionths: weight, clipFactorMillionths: clip, stepCosineMillionths: step,
                    nearest: nearest, farthest: farthest))
        }
        var opposed: [AveragingFigures.Pair] = []
        for pair in pairs {
            guard case .array(let places) = pair, places.count == 2,
                let first = RoundFigures.number(places[0], below: Int64(rows.count)),
                let second = RoundFigures.number(places[1], below: Int64(rows.count)), first < second
            else { return nil }
            opposed.append(AveragingFigures.Pair(first: Int(first), second: Int(second)))
        }
        self.init(authors: authors, figures: AveragingFigures(entries: entries, opposedPairs: opposed))
    }

    private static func number(_ cbor: CBOR, below limit: Int64) -> Int64? {
        guard case .unsigned(let value) = cbor, value < UInt64(limit) else { return nil }
        return Int64(value)
    }

    private static func cosine(_ cbor: CBOR) -> Int64? {
        number(cbor, below: 2 * cosineOne + 1).map { $0 - cosineOne }
    }

    private static func neighbour(_ cbor: CBOR, of count: Int) -> AveragingFigures.Neighbour? {
        guard case .array(let fields) = cbor, fields.count == 2, let entry = number(fields[0], below: Int64(count)),
            let cosine = cosine(fields[1])
        else { return nil }
        return AveragingFigures.Neighbour(entry: Int(entry), cosineMillionths: cosine)
    }

    /// Nil for a value that is not readable; a nil inside for `null`.
    private static func optional<Value>(_ cbor: CBOR, _ read: (CBOR) -> Value?) -> Value?? {
        if cbor == .null { return .some(nil) }
        return read(cbor).map { .some($0) }
    }
}
