import Crypto
import Ledger

extension RoundRow {
    var cbor: CBOR {
        .record([
            "height": .unsigned(height.value), "version": .bytes(version.digest.bytes),
            "adopted_at": .unsigned(adoptedAt), "duration": .unsigned(durationMilliseconds),
            "contributors": .array(contributors.map { .text($0) }), "signers": .array(signers.map { .text($0) }),
            "loss": .optionalColumn(lossMicronats), "bytes": .unsigned(contributionBytes),
            "sent": .unsigned(sentBytes), "received": .unsigned(receivedBytes), "replayed": .boolean(isReplayed),
            "first_contribution": .optionalColumn(times.firstContribution),
            "available": .optionalColumn(times.available), "ready": .optionalColumn(times.ready),
            "certified": .optionalColumn(times.certified), "figures": figures?.cbor ?? .null,
        ])
    }

    /// Nil for anything but what `cbor` gives.
    init?(cbor: CBOR) {
        guard case .map(let entries) = cbor else { return nil }
        var fields: [String: CBOR] = [:]
        for entry in entries { fields[entry.key] = entry.value }
        func unsigned(_ key: String) -> UInt64? {
            guard case .unsigned(let value)? = fields[key] else { return nil }
            return value
        }
        func texts(_ key: String) -> [String]? {
            guard case .array(let items)? = fields[key] else { return nil }
            let texts = items.compactMap { item -> String? in
                guard case .text(let text) = item else { return nil }
                return text
            }
            return texts.count == items.count ? texts : nil
        }
        func isOptional(_ key: String) -> Bool { fields[key] == .null || unsigned(key) != nil }
        let figures = fields["figures"].flatMap { RoundFigures(cbor: $0) }
        guard entries.count == 16, figures != nil || fields["figures"] == .null, let height = unsigned("height"),
            case .bytes(let version)? = fields["version"],
            let digest = Digest(bytes: version), let adoptedAt = unsigned("adopted_at"),
            let duration = unsigned("duration"), let contributors = texts("contributors"),
            let signers = texts("signers"), isOptional("loss"),
            ["first_contribution", "available", "ready", "certified"].allSatisfy(isOptional),
            let bytes = unsigned("bytes"), let sent = unsigned("sent"), let received = unsigned("received"),
            case .boolean(let replayed)? = fields["replayed"]
        else { return nil }
        self.init(
            height: Height(height), version: VersionDigest(digest), adoptedAt: adoptedAt,
            durationMilliseconds: duration, contributors: contributors, signers: signers,
            lossMicronats: unsigned("loss"), contributionBytes: bytes, sentBytes: sent, receivedBytes: received,
            isReplayed: replayed,
            times: RoundTimes(
                firstContribution: unsigned("first_contribution"), available: unsigned("available"),
                ready: unsigned("ready"), certified: unsigned("certified")), figures: figures)
    }
}
