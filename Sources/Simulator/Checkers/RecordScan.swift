import Crypto
import Ledger

/// Everything signed that stands in some bytes, found by the shape of the records alone: the scan knows nothing of the
/// messages around them, so a message that carries a signature in a new way is still seen.
struct RecordScan {
    struct Statement {
        let claim: Claim
        let signature: Signature
        /// Whether the key made the signature over exactly the record that was found.
        let isSigned: (VerifyingKey, NetworkID) -> Bool

        init(_ claim: Claim, _ body: some Ledger.Statement, _ signature: Signature) {
            self.claim = claim
            self.signature = signature
            isSigned = { body.isSigned(signature, by: $0, network: $1) }
        }
    }

    private(set) var statements: [Statement] = []
    private(set) var closed: [Signed<Closed>] = []
    private(set) var ready: [Signed<Ready>] = []
    private(set) var proposals: [Signed<Proposal>] = []
    private(set) var certificates: [VoteCertificate] = []
    private(set) var availability: [AvailabilityCertificate] = []
    private(set) var contributions: [Signed<Contribution>] = []
    private(set) var payloads: [Ledger.Payload] = []
    /// Whether the body of the message is one record, so that its receiver takes the record: what stands inside a
    /// report or is evidence is not said by that.
    private(set) var isOneRecord = false

    init() {}

    /// - Parameter bytes: one item of CBOR, possibly behind a header of a few bytes; anything else holds nothing.
    init(bytes: [UInt8]) {
        for header in 0...2 where header < bytes.count {
            if let item = try? CBOR(encoded: Array(bytes[header...])) {
                if case .array(let parts) = item, parts.count == 2, case .map(let entries) = parts[1] {
                    isOneRecord = take(parts[1], keys: entries.map(\.key))
                }
                if !isOneRecord { visit(item) }
                return
            }
        }
    }

    init(_ item: CBOR) { visit(item) }

    private mutating func visit(_ item: CBOR) {
        switch item {
        case .array(let items): for item in items { visit(item) }
        case .bytes(let bytes):
            // A record may stand inside a byte string.
            if bytes.count > 64, let inner = try? CBOR(encoded: bytes) { visit(inner) }
        case .map(let entries):
            if !take(item, keys: entries.map(\.key)) { for entry in entries { visit(entry.value) } }
        default: break
        }
    }

    /// Votes of this kind, one or many, at a height.
    func hasVotes(_ kind: VoteKind, height: UInt64, view: UInt32? = nil) -> Bool {
        certificates.contains {
            $0.vote.kind == kind && $0.vote.height.value == height && (view == nil || $0.vote.view.value == view)
        }
    }

    /// Whether the item was a record that says it all.
    private mutating func take(_ item: CBOR, keys: [String]) -> Bool {
        switch keys {
        case ["body", "signer", "signature"]: takeSigned(item)
        case ["stored", "signatures"]: takeAvailability(item)
        case ["vote", "network", "signatures"]: takeCertificate(item)
        case ["support", "version"]: takePayload(item)
        default: false
        }
    }

    private mutating func takeSigned(_ item: CBOR) -> Bool {
        if let signed = try? Signed<Vote>(cbor: item) {
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
        } else if let signed = try? Signed<AvailabilityVote>(cbor: item) {
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
        } else if let signed = try? Signed<Closed>(cbor: item) {
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
            closed.append(signed)
        } else if let signed = try? Signed<Ready>(cbor: item) {
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
            ready.append(signed)
        } else if let signed = try? Signed<Contribution>(cbor: item) {
            contributions.append(signed)
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
        } else if let signed = try? Signed<Proposal>(cbor: item) {
            statements.append(Statement(Claim(signer: signed.signer, signed.body), signed.body, signed.signature))
            proposals.append(signed)
        } else {
            return false
        }
        return true
    }

    private mutating func takeAvailability(_ item: CBOR) -> Bool {
        guard let certificate = try? AvailabilityCertificate(cbor: item) else { return false }
        availability.append(certificate)
        return true
    }

    private mutating func takeCertificate(_ item: CBOR) -> Bool {
        guard let certificate = try? VoteCertificate(cbor: item) else { return false }
        certificates.append(certificate)
        return true
    }

    private mutating func takePayload(_ item: CBOR) -> Bool {
        guard let payload = try? Ledger.Payload(cbor: item) else { return false }
        payloads.append(payload)
        return true
    }
}
