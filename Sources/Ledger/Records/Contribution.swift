import Crypto

/// The record of one contribution: what an author says about a payload of compressed pseudo-gradient. The payload
/// itself travels in pieces under `pieceRoot`.
public struct Contribution: Statement, Hashable {
    public static let tag = "contrib"

    public let network: NetworkID
    public let author: MemberID
    public let base: VersionDigest
    public let baseHeight: Height
    public let encoding: Encoding
    public let payloadBytes: UInt64
    public let pieceBytes: UInt32
    /// Root of the Merkle tree whose leaves are the pieces, all of `pieceBytes` but the last.
    public let pieceRoot: Digest
    /// The Euclidean norm of the decoded values in the codec's fixed point, rounded down.
    public let norm: UInt64
    public let steps: UInt64
    public let tokens: UInt64
    /// Mean training loss of the round in 0.01 nats per token, at most `Limits.lossCentinats`; nil if the site does not
    /// report it. There is no place for more digits: they would say more about the text than anyone needs.
    public let lossCentinats: UInt64?
    /// Ids of the data sets behind it, strictly ascending. Each is a keyed digest of the name that the site gave the
    /// set, so it stays the same when the contents change, and says nothing about name or contents.
    public let dataSets: [Digest]
    public let trainer: Digest

    public init(
        network: NetworkID, author: MemberID, base: VersionDigest, baseHeight: Height, encoding: Encoding,
        payloadBytes: UInt64, pieceBytes: UInt32, pieceRoot: Digest, norm: UInt64, steps: UInt64, tokens: UInt64,
        lossCentinats: UInt64?, dataSets: [Digest], trainer: Digest
    ) {
        self.network = network
        self.author = author
        self.base = base
        self.baseHeight = baseHeight
        self.encoding = encoding
        self.payloadBytes = payloadBytes
        self.pieceBytes = pieceBytes
        self.pieceRoot = pieceRoot
        self.norm = norm
        self.steps = steps
        self.tokens = tokens
        self.lossCentinats = lossCentinats
        self.dataSets = dataSets
        self.trainer = trainer
    }

    public var slot: Slot { Slot(author: author, base: base) }
    public var contributionDigest: ContributionDigest { ContributionDigest(digest) }
    public var pieceCount: Int { Int((payloadBytes + UInt64(pieceBytes) - 1) / UInt64(pieceBytes)) }

    /// The bytes of piece `index`: `pieceBytes`, less for the last.
    public func byteCount(ofPiece index: Int) -> Int {
        let start = UInt64(index) * UInt64(pieceBytes)
        return Int(min(UInt64(pieceBytes), payloadBytes - start))
    }

    public var cbor: CBOR {
        .record([
            "network": network.cbor, "author": author.cbor, "base": base.cbor, "base_height": .height(baseHeight),
            "encoding": encoding.cbor, "payload_bytes": .unsigned(payloadBytes),
            "piece_bytes": .unsigned(UInt64(pieceBytes)), "piece_root": .digest(pieceRoot), "norm": .unsigned(norm),
            "steps": .unsigned(steps), "tokens": .unsigned(tokens),
            "loss_centinats": .optional(unsigned: lossCentinats),
            "data_sets": .digests(dataSets), "trainer": .digest(trainer),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        author = try reader.identity("author")
        base = try reader.identity("base")
        baseHeight = try reader.height("base_height")
        encoding = try reader.record("encoding")
        payloadBytes = try reader.unsigned("payload_bytes", in: 1...Limits.payloadBytesMaximum)
        pieceBytes = try reader.unsigned32("piece_bytes", in: Limits.pieceBytesMinimum...Limits.pieceBytesMaximum)
        pieceRoot = try reader.digest("piece_root")
        norm = try reader.unsigned("norm")
        steps = try reader.unsigned("steps", in: 0...Limits.countMaximum)
        tokens = try reader.unsigned("tokens", in: 0...Limits.countMaximum)
        lossCentinats = try reader.optionalUnsigned("loss_centinats", in: 0...Limits.lossCentinats)
        dataSets = try reader.ascendingDigests("data_sets", limit: Limits.dataSets)
        trainer = try reader.digest("trainer")
        try reader.finish()
    }
}

/// "I have verified and synced this contribution." At most one digest a slot from one member.
public struct AvailabilityVote: Statement, Hashable {
    public static let tag = "stored"

    public let slot: Slot
    public let baseHeight: Height
    public let contribution: ContributionDigest

    public init(slot: Slot, baseHeight: Height, contribution: ContributionDigest) {
        self.slot = slot
        self.baseHeight = baseHeight
        self.contribution = contribution
    }

    public init(_ contribution: Contribution) {
        self.init(
            slot: contribution.slot, baseHeight: contribution.baseHeight, contribution: contribution.contributionDigest)
    }

    /// The height whose member set signs availability votes for this base.
    public var memberHeight: Height { baseHeight.next }

    public var cbor: CBOR {
        .record([
            "slot": slot.cbor, "base_height": .height(baseHeight), "contribution": contribution.cbor,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        slot = try reader.record("slot")
        baseHeight = try reader.height("base_height")
        contribution = try reader.identity("contribution")
        try reader.finish()
    }
}
