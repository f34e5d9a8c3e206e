import Ledger

extension JournalEntry {
    /// The kind of an entry, as it is stored.
    public enum Kind: String, Sendable, CaseIterable {
        case ownContribution = "own-contribution"
        case contribution
        case availabilityVote = "stored"
        case availability
        case closed
        case ready
        case proposal
        case payload
        case vote
        case certificate
        case adopt
        case address
        case abstention
        case headerSynced = "walked"
        case stateSynced = "jump"
        case evidence
        case conflictingCertificate = "conflicting-certificate"
        case action
        case review
        case verdict
    }

    public var kind: Kind {
        switch self {
        case .ownContribution: .ownContribution
        case .contribution: .contribution
        case .availabilityVote: .availabilityVote
        case .availability: .availability
        case .closed: .closed
        case .ready: .ready
        case .proposal: .proposal
        case .payload: .payload
        case .vote: .vote
        case .certificate: .certificate
        case .adopt: .adopt
        case .address: .address
        case .abstention: .abstention
        case .headerSynced: .headerSynced
        case .stateSynced: .stateSynced
        case .evidence: .evidence
        case .conflictingCertificate: .conflictingCertificate
        case .action: .action
        case .review: .review
        case .verdict: .verdict
        }
    }

    /// The height that the entry belongs to (of a contribution or availability vote: its base's); nil for what is kept
    /// for ever. Entries far below the head may be dropped.
    public var height: Height? {
        switch self {
        case .ownContribution(let signed), .contribution(let signed): signed.body.baseHeight
        case .availabilityVote(let signed): signed.body.baseHeight
        case .availability(let certificate): certificate.vote.baseHeight
        case .closed(let signed): signed.body.height
        case .ready(let signed): signed.body.height
        case .proposal(let signed): signed.body.height
        case .payload(let embedded): embedded.payload.version.height
        case .vote(let signed): signed.body.height
        case .certificate(let certificate): certificate.vote.height
        case .adopt(let certified): certified.height
        case .headerSynced(let certified), .stateSynced(let certified): certified.height
        case .address, .abstention, .evidence, .conflictingCertificate: nil
        case .action(let held): held.height
        case .review(let held): held.height
        case .verdict(let held): held.height
        }
    }

    private var record: any Record {
        switch self {
        case .ownContribution(let signed), .contribution(let signed): signed
        case .availabilityVote(let signed): signed
        case .availability(let certificate): certificate
        case .closed(let signed): signed
        case .ready(let signed): signed
        case .proposal(let signed): signed
        case .payload(let embedded): embedded
        case .vote(let signed): signed
        case .certificate(let certificate): certificate
        case .adopt(let certified): certified
        case .address(let signed): signed
        case .abstention(let abstention): abstention
        case .headerSynced(let certified), .stateSynced(let certified): certified
        case .evidence(let evidence): evidence
        case .conflictingCertificate(let certificate): certificate
        case .action(let held): held
        case .review(let held): held
        case .verdict(let held): held
        }
    }

    /// The record's one encoding; `kind` is stored beside it.
    public var encoded: [UInt8] { record.encoded }

    public init(kind: Kind, encoded bytes: [UInt8]) throws(RecordError) {
        switch kind {
        case .ownContribution: self = .ownContribution(try Signed(encoded: bytes))
        case .contribution: self = .contribution(try Signed(encoded: bytes))
        case .availabilityVote: self = .availabilityVote(try Signed(encoded: bytes))
        case .availability: self = .availability(try AvailabilityCertificate(encoded: bytes))
        case .closed: self = .closed(try Signed(encoded: bytes))
        case .ready: self = .ready(try Signed(encoded: bytes))
        case .proposal: self = .proposal(try Signed(encoded: bytes))
        case .payload: self = .payload(try EmbeddedPayload(encoded: bytes))
        case .vote: self = .vote(try Signed(encoded: bytes))
        case .certificate: self = .certificate(try VoteCertificate(encoded: bytes))
        case .adopt: self = .adopt(try CertifiedVersion(encoded: bytes))
        case .address: self = .address(try Signed(encoded: bytes))
        case .abstention: self = .abstention(try Abstention(encoded: bytes))
        case .headerSynced: self = .headerSynced(try CertifiedVersion(encoded: bytes))
        case .stateSynced: self = .stateSynced(try CertifiedVersion(encoded: bytes))
        case .evidence: self = .evidence(try Evidence(encoded: bytes))
        case .conflictingCertificate:
            self = .conflictingCertificate(try VoteCertificate(encoded: bytes))
        case .action: self = .action(try PendingRecord(encoded: bytes))
        case .review: self = .review(try PendingRecord(encoded: bytes))
        case .verdict: self = .verdict(try PendingRecord(encoded: bytes))
        }
    }
}
