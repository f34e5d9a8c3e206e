import Crypto

/// Signatures of several members over one statement: a bitmap over the set by ascending id, and the signatures in
/// the same order. The bitmap has exactly n bits; spare bits of the last byte are zero.
public struct QuorumSignatures: Record, Hashable {
    public let bitmap: [UInt8]
    public let signatures: [Signature]

    /// - Parameter signatures: one a member index.
    public init(_ signatures: [Int: Signature], memberCount: Int) {
        var bitmap = [UInt8](repeating: 0, count: (memberCount + 7) / 8)
        var ordered: [Signature] = []
        for index in signatures.keys.sorted() {
            bitmap[index / 8] |= 1 << UInt8(index % 8)
            ordered.append(signatures[index]!)
        }
        self.bitmap = bitmap
        self.signatures = ordered
    }

    /// The same without the signers beyond the first `count`.
    public func prefix(_ count: Int, memberCount: Int) -> QuorumSignatures {
        guard signatures.count > count else { return self }
        let kept = byIndex.prefix(count).map { ($0.index, $0.signature) }
        return QuorumSignatures(Dictionary(uniqueKeysWithValues: kept), memberCount: memberCount)
    }

    /// The indexes of the signers, ascending.
    public var signers: [Int] {
        (0..<bitmap.count * 8).filter { bitmap[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    }

    /// Each signer's index with its signature.
    public var byIndex: [(index: Int, signature: Signature)] {
        zip(signers, signatures).map { (index: $0, signature: $1) }
    }

    /// Whether this is a bitmap over exactly `members`, with a signature for each bit, at least one.
    public func fits(_ members: MemberSet) -> Bool {
        let signers = signers
        return bitmap.count == (members.count + 7) / 8 && signers.count == signatures.count
            && signers.last.map { $0 < members.count } ?? false
    }

    /// Whether at least a quorum of `members` signed `statement`, and every signature is valid.
    public func isQuorum(
        over statement: some Statement, members: MemberSet, network: NetworkID, verifier: Verifier
    ) -> Bool {
        guard fits(members), signatures.count >= members.quorum else { return false }
        return byIndex.allSatisfy { index, signature in
            verifier.isSigned(signature, over: statement, by: members.members[index].nodeKey, network: network)
        }
    }

    public var cbor: CBOR {
        .record(["bitmap": .bytes(bitmap), "signatures": .bytes(signatures.flatMap(\.bytes))])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        bitmap = try reader.bytes("bitmap", limit: (Limits.members + 7) / 8)
        let bytes = try reader.bytes("signatures", limit: Limits.members * Signature.byteCount)
        try reader.finish()
        guard bytes.count.isMultiple(of: Signature.byteCount) else { throw .outOfRange(key: "signatures") }
        signatures = stride(from: 0, to: bytes.count, by: Signature.byteCount).map {
            Signature(bytes: bytes[$0..<$0 + Signature.byteCount])!
        }
        guard signers.count == signatures.count else { throw .outOfRange(key: "bitmap") }
    }
}

/// A quorum has verified and synced a contribution: at least f + 1 honest members hold it.
public struct AvailabilityCertificate: Statement, Hashable {
    public static let tag = "available"

    public let vote: AvailabilityVote
    public let signatures: QuorumSignatures

    public init(vote: AvailabilityVote, signatures: QuorumSignatures) {
        self.vote = vote
        self.signatures = signatures
    }

    /// - Parameter members: the set of height(base) + 1.
    public func isValid(members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        signatures.isQuorum(over: vote, members: members, network: network, verifier: verifier)
    }

    public var cbor: CBOR { .record(["stored": vote.cbor, "signatures": signatures.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        vote = try reader.record("stored")
        signatures = try reader.record("signatures")
        try reader.finish()
    }
}

/// What a vote is for (Simplex, eprint 2023/463).
public enum VoteKind: String, Sendable, Hashable, CaseIterable {
    case notarize
    case nullify
    case finalize
}

/// A vote in one view of one height. `version` is the zero digest for nullify, which names none.
public struct Vote: Statement, Hashable {
    public static let tag = "vote"

    public let kind: VoteKind
    public let height: Height
    public let view: View
    public let version: VersionDigest

    public init(kind: VoteKind, height: Height, view: View, version: VersionDigest) {
        precondition((kind == .nullify) == (version.digest == .zero), "only nullify names no version")
        self.kind = kind
        self.height = height
        self.view = view
        self.version = version
    }

    public static func nullify(height: Height, view: View) -> Vote {
        Vote(kind: .nullify, height: height, view: view, version: VersionDigest(.zero))
    }

    public var cbor: CBOR {
        .record([
            "kind": .variant(kind), "height": .height(height), "view": .view(view), "version": version.cbor,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        kind = try reader.variant("kind")
        height = try reader.height("height")
        view = try reader.view("view", from: .first)
        version = try reader.identity("version")
        try reader.finish()
        guard (kind == .nullify) == (version.digest == .zero) else { throw .outOfRange(key: "version") }
    }
}

/// A quorum cast this vote: a notarization, a nullification, or, for finalize, the certificate of a version.
public struct VoteCertificate: Statement, Hashable {
    public static let tag = "votes"

    public let network: NetworkID
    public let vote: Vote
    public let signatures: QuorumSignatures

    public init(network: NetworkID, vote: Vote, signatures: QuorumSignatures) {
        self.network = network
        self.vote = vote
        self.signatures = signatures
    }

    /// As few signatures as make it a certificate: more of them prove nothing more, and take room.
    public func trimmed(to members: MemberSet) -> VoteCertificate {
        VoteCertificate(
            network: network, vote: vote,
            signatures: signatures.prefix(members.quorum, memberCount: members.count))
    }

    /// - Parameter members: the set of the vote's height.
    public func isValid(members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        self.network == network
            && signatures.isQuorum(over: vote, members: members, network: network, verifier: verifier)
    }

    public var cbor: CBOR {
        .record(["network": network.cbor, "vote": vote.cbor, "signatures": signatures.cbor])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        vote = try reader.record("vote")
        signatures = try reader.record("signatures")
        try reader.finish()
    }
}
