import Crypto

/// Evidence as it is handed to an outsider: with the genesis file and a ledger it can be checked anywhere.
public struct EvidenceFile: Record, Hashable {
    public static let evidenceMaximum = 4096
    public static let certificatesMaximum = 64
    /// More than a site ever keeps.
    public static let fileBytesMaximum = 128 << 20

    public let network: NetworkID
    public let evidence: [Evidence]
    /// Certificates of other versions than those that the exporter adopted at their heights.
    public let certificates: [VoteCertificate]

    public init(network: NetworkID, evidence: [Evidence], certificates: [VoteCertificate]) {
        self.network = network
        self.evidence = evidence
        self.certificates = certificates
    }

    public var cbor: CBOR {
        .record([
            "network": network.cbor, "evidence": .records(evidence), "certificates": .records(certificates),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        evidence = try reader.records("evidence", limit: EvidenceFile.evidenceMaximum)
        certificates = try reader.records("certificates", limit: EvidenceFile.certificatesMaximum)
        try reader.finish()
    }
}
