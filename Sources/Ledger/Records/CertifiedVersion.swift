import Crypto

/// A payload with the ready records, closings, availability certificates and governance action that it names, in its order.
public struct EmbeddedPayload: Record, Hashable {
    public let payload: Payload
    public let ready: [Signed<Ready>]
    public let closings: [Closing]
    public let availability: [AvailabilityCertificate]
    public let action: CompleteAction?

    public init(
        payload: Payload, ready: [Signed<Ready>], closings: [Closing] = [], availability: [AvailabilityCertificate],
        action: CompleteAction? = nil
    ) {
        self.payload = payload
        self.ready = ready
        self.closings = closings
        self.availability = availability
        self.action = action
    }

    public var version: Version { payload.version }

    public var cbor: CBOR {
        .record([
            "payload": payload.cbor, "ready": .records(ready), "closings": .records(closings),
            "availability": .records(availability), "action": .optional(action),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        payload = try reader.record("payload")
        ready = try reader.records("ready", limit: Limits.members)
        closings = try reader.records("closings", limit: Limits.closings)
        availability = try reader.records("availability", limit: Limits.slots)
        action = try reader.optionalRecord("action")
        try reader.finish()
    }
}

/// Everything about one height that an outsider needs to check it, but for the payloads of the contributions.
public struct CertifiedVersion: Record, Hashable {
    public let embedded: EmbeddedPayload
    public let certificate: VoteCertificate
    /// The record of each manifest entry's contribution, in the manifest's order.
    public let contributions: [Signed<Contribution>]

    public init(embedded: EmbeddedPayload, certificate: VoteCertificate, contributions: [Signed<Contribution>]) {
        self.embedded = embedded
        self.certificate = certificate
        self.contributions = contributions
    }

    public var version: Version { embedded.payload.version }
    public var height: Height { version.height }

    /// Whether everything in it, apart from the authors' signatures and the certificate, is what the version's digest covers:
    /// who passes it on could not have changed that.
    public var holdsWhatItNames: Bool {
        let support = embedded.payload.support
        return version.support == support.digest && embedded.ready.map(\.objectDigest) == support.ready
            && embedded.closings.map(\.names.digest) == support.closings
            && embedded.action?.objectDigest == support.action
            && embedded.availability.map(\.digest) == version.manifest.map(\.availability)
            && contributions.map(\.body.contributionDigest) == version.manifest.map(\.contribution)
    }

    public var cbor: CBOR {
        .record([
            "embedded": embedded.cbor, "certificate": certificate.cbor, "contributions": .records(contributions),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        embedded = try reader.record("embedded")
        certificate = try reader.record("certificate")
        contributions = try reader.records("contributions", limit: Limits.slots)
        try reader.finish()
    }
}
