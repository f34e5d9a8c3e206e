/// `evidence`: proofs of members' misbehaviour that this site holds, the newest first.
public struct EvidenceRequest: ControlMethod {
    /// At most so many, 1 to 100.
    public let count: Int64
    /// The highest number wanted; the newest where it is absent.
    public let from: Int64?

    public typealias Response = EvidenceResponse
    public static let schema = MethodSchema(
        "evidence", role: .auditor,
        fields: [
            FieldSchema("count", .integer(1...100)),
            FieldSchema("from", .integer(0...ControlSchema.integerLimit), isOptional: true),
        ])

    public init(count: Int64, from: Int64? = nil) {
        self.count = count
        self.from = from
    }
}

/// Proofs, the newest first.
public struct EvidenceResponse: Codable, Hashable, Sendable {
    public let evidence: [EvidenceSummary]

    public init(evidence: [EvidenceSummary]) {
        self.evidence = evidence
    }
}

/// Two statements of one member that no honest member makes.
public struct EvidenceSummary: Codable, Hashable, Sendable {
    /// Counts from 1 in the order in which this site came to hold them.
    public let number: Int64
    /// Who signed both.
    public let site: SiteName
    /// Its member id.
    public let member: DigestText
    public let kind: Kind
    /// Where both belong; of contributions and availability votes, the height of their base.
    public let height: Int64
    /// Of proposals and votes.
    public let view: Int64?
    /// Of availability votes: whose contributions they are for.
    public let author: SiteName?
    /// When this site came to hold it, in seconds since 1970 by its clock.
    public let heldAt: Int64
    /// For people.
    public let description: String

    /// Statements of which an honest member makes one a place.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case contributions
        case availabilityVotes = "stored"
        case closed
        case ready
        case proposals
        case votes
    }

    public init(
        number: Int64, site: SiteName, member: DigestText, kind: Kind, height: Int64, view: Int64? = nil,
        author: SiteName? = nil, heldAt: Int64, description: String
    ) {
        self.number = number
        self.site = site
        self.member = member
        self.kind = kind
        self.height = height
        self.view = view
        self.author = author
        self.heldAt = heldAt
        self.description = description
    }
}

/// `evidence.export.begin`: asks for all evidence as one file; tensor frames of kind `evidence` follow the response
/// with ascending offsets.
public struct EvidenceExportBegin: ControlMethod {
    public typealias Response = EvidenceExport
    public static let schema = MethodSchema("evidence.export.begin", role: .auditor, frames: [.evidence])

    public init() {
    }
}

/// An export that begins.
public struct EvidenceExport: Codable, Hashable, Sendable {
    /// Stands in each of its frames.
    public let transfer: Int64
    /// Of all frames together, headers not counted.
    public let bytes: Int64
    /// Proofs in it.
    public let proofs: Int64
    /// Certificates in it that contradict versions which this site adopted.
    public let certificates: Int64

    public init(transfer: Int64, bytes: Int64, proofs: Int64, certificates: Int64) {
        self.transfer = transfer
        self.bytes = bytes
        self.proofs = proofs
        self.certificates = certificates
    }
}
