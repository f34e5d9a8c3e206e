import Crypto
import Ledger

/// Messages as an adversary writes them: by the numbers of the wire, not with the core's own encoder, so that what no
/// node would ever encode can be sent too.
enum ForgedMessage {
    private enum Code: UInt64 {
        case summary = 1
        case contribution = 2
        case have = 3
        case want = 4
        case availability = 5
        case ready = 6
        case proposal = 7
        case payload = 8
        case votes = 9
        case certified = 10
        case fetch = 11
        case address = 12
        case evidence = 13
        case requestHeaders = 17
        case blocks = 19
        case action = 20
        case readiness = 21
        case carried = 23
        case closed = 26
        case closing = 27
    }

    private static func encoded(_ code: Code, _ body: CBOR) -> [UInt8] {
        CBOR.array([.unsigned(code.rawValue), body]).encoded
    }

    static func contribution(_ signed: Signed<Contribution>) -> [UInt8] { encoded(.contribution, signed.cbor) }
    static func availability(_ votes: AvailabilityCertificate) -> [UInt8] { encoded(.availability, votes.cbor) }
    static func closed(_ closed: Signed<Closed>) -> [UInt8] { encoded(.closed, closed.cbor) }
    static func closing(_ names: ClosingNames) -> [UInt8] { encoded(.closing, names.cbor) }
    static func ready(_ ready: Signed<Ready>) -> [UInt8] { encoded(.ready, ready.cbor) }
    static func proposal(_ proposal: Signed<Proposal>) -> [UInt8] { encoded(.proposal, proposal.cbor) }
    static func payload(_ payload: Ledger.Payload) -> [UInt8] { encoded(.payload, payload.cbor) }
    static func votes(_ votes: VoteCertificate) -> [UInt8] { encoded(.votes, votes.cbor) }

    static func address(_ record: Signed<AddressRecord>) -> [UInt8] { encoded(.address, record.cbor) }
    static func action(_ signed: SignedGovernanceAction) -> [UInt8] { encoded(.action, signed.cbor) }
    static func carried(_ action: CompleteAction) -> [UInt8] { encoded(.carried, action.cbor) }
    static func requestHeaders(from height: Height) -> [UInt8] { encoded(.requestHeaders, .unsigned(height.value)) }

    static func want(_ name: Digest, pieces: Range<UInt64>) -> [UInt8] {
        encoded(.want, .array([.bytes(name.bytes), .array(pieces.map { .unsigned($0) })]))
    }

    /// What a `want` asks for; nil for any other message.
    static func wanted(_ bytes: [UInt8]) -> (name: Digest, pieces: [Int])? {
        guard bytes.starts(with: [0x82, UInt8(Code.want.rawValue)]),
            case .array(let parts) = try? CBOR(encoded: bytes), parts.count == 2, case .array(let items) = parts[1],
            items.count == 2, case .bytes(let name) = items[0], case .array(let indexes) = items[1],
            let digest = Digest(bytes: name)
        else { return nil }
        let pieces = indexes.compactMap { if case .unsigned(let index) = $0 { Int(exactly: index) } else { nil } }
        return (digest, pieces)
    }

    static func wantBlocks(of root: Digest, _ blocks: Range<UInt64>) -> [UInt8] {
        encoded(.blocks, .array([.bytes(root.bytes), .array(blocks.map { .unsigned($0) })]))
    }

    /// The height that a summary begins with; nil for any other message.
    static func summarizedHeight(_ bytes: [UInt8]) -> UInt64? {
        guard case .array(let parts) = try? CBOR(encoded: bytes), parts.count == 2,
            parts[0] == .unsigned(Code.summary.rawValue), case .array(let items) = parts[1],
            case .unsigned(let height) = items.first
        else { return nil }
        return height
    }

    /// The summary, all else as it was, of somebody at another height.
    static func summary(_ bytes: [UInt8], at height: UInt64) -> [UInt8] {
        guard case .array(let parts) = try? CBOR(encoded: bytes), case .array(let items) = parts.last else {
            return bytes
        }
        return encoded(.summary, .array([.unsigned(height)] + items.dropFirst()))
    }

    /// Everything that a `fetch` can ask for under one name: of each kind that goes by a digest.
    static func fetch(_ name: Digest) -> [UInt8] {
        encoded(.fetch, .array([1, 2, 3, 4, 8, 20, 21, 22, 23].map { .array([.unsigned($0), .bytes(name.bytes)]) }))
    }

    static func fetch(version height: Height) -> [UInt8] {
        encoded(.fetch, .array([.array([.unsigned(7), .unsigned(height.value)])]))
    }

    /// Both certificates by which a view may have ended.
    static func fetch(view: View) -> [UInt8] {
        encoded(.fetch, .array([5, 6].map { .array([.unsigned($0), .unsigned(UInt64(view.value))]) }))
    }

    /// With signatures as they shall stand there, in any order and number.
    static func action(_ action: GovernanceAction, _ signatures: [OperatorSignature]) -> [UInt8] {
        encoded(
            .action,
            .record(["action": action.cbor, "operators": .array(signatures.map(\.cbor)), "possession": .null]))
    }

    static func readiness(_ statement: Readiness, _ signatures: QuorumSignatures) -> [UInt8] {
        encoded(.readiness, .array([statement.cbor, signatures.cbor]))
    }

    static func proof(_ evidence: Evidence) -> [UInt8] {
        encoded(.evidence, .array([.unsigned(1), evidence.cbor]))
    }

    /// One of two ready records whose proof comes in two parts.
    static func half(_ ready: Signed<Ready>) -> [UInt8] { encoded(.evidence, .array([.unsigned(2), ready.cbor])) }

    /// Names of proofs that are held, or wanted.
    static func proofs(_ names: [Digest], isWish: Bool) -> [UInt8] {
        encoded(.evidence, .array([.unsigned(isWish ? 4 : 3), .array(names.sorted().map { .bytes($0.bytes) })]))
    }

    static func certified(_ payload: Ledger.Payload, _ certificate: VoteCertificate) -> [UInt8] {
        encoded(.certified, .array([payload.cbor, certificate.cbor]))
    }

    /// That every one of `count` pieces is here.
    static func have(_ contribution: ContributionDigest, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xff, count: (count + 7) / 8)
        if count % 8 != 0 { bytes[bytes.count - 1] = 1 << UInt8(count % 8) - 1 }
        return encoded(.have, .array([.bytes(contribution.digest.bytes), .unsigned(UInt64(count)), .bytes(bytes)]))
    }

    /// Votes whose signatures are given as they shall stand there: of any number, under any bitmap.
    static func votes(_ vote: Vote, network: NetworkID, bitmap: [UInt8], signatures: [UInt8]) -> [UInt8] {
        let quorum = CBOR.record(["bitmap": .bytes(bitmap), "signatures": .bytes(signatures)])
        return encoded(
            .votes, .record(["network": .bytes(network.digest.bytes), "vote": vote.cbor, "signatures": quorum]))
    }

    /// What a `fetch` asks for by digest.
    static func fetchedDigests(_ bytes: [UInt8]) -> [Digest] {
        guard bytes.starts(with: [0x82, UInt8(Code.fetch.rawValue)]),
            case .array(let parts) = try? CBOR(encoded: bytes), parts.count == 2, case .array(let items) = parts[1]
        else { return [] }
        return items.compactMap { item in
            guard case .array(let pair) = item, pair.count == 2, case .bytes(let name) = pair[1] else { return nil }
            return Digest(bytes: name)
        }
    }
}
