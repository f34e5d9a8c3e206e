import Crypto

/// Why a recorded version does not stand. Names the height, so that an auditor can point at it.
public enum AuditFault: Error, Equatable, Sendable {
    case payload(Height, PayloadFault)
    case notCertified(Height)
    case missingEmbedded(Height)
    case wrongContribution(Height, Slot)
    case invalidContributionSignature(Height, Slot)
    /// A node key signed for a contribution that the rules of its base do not allow.
    case contributionOutsideRules(Height, Slot)

    /// Whether what is wrong is an author's signature, which no digest covers: another copy may be right.
    public var concernsSignatureAlone: Bool { if case .invalidContributionSignature = self { true } else { false } }
}

extension Chain {
    /// Checks everything about `certified` that can be checked without tensors, and returns the chain after it.
    public func audited(_ certified: CertifiedVersion, verifier: Verifier) throws(AuditFault) -> Chain {
        let version = certified.version
        let embedded = certified.embedded
        guard embedded.ready.count == embedded.payload.support.ready.count,
            embedded.closings.count == embedded.payload.support.closings.count,
            embedded.availability.count == version.manifest.count,
            certified.contributions.count == version.manifest.count
        else { throw .missingEmbedded(version.height) }
        do throws(PayloadFault) {
            try validate(embedded, verifier: verifier)
            try checkWeights(version.manifest, certified.contributions.map(\.body))
        } catch { throw .payload(version.height, error) }
        guard isCertified(version, by: certified.certificate, verifier: verifier) else {
            throw .notCertified(version.height)
        }
        for (entry, contribution) in zip(version.manifest, certified.contributions) {
            guard contribution.body.contributionDigest == entry.contribution, contribution.body.slot == entry.slot
            else { throw .wrongContribution(version.height, entry.slot) }
            guard isWithinRules(contribution.body) else {
                throw .contributionOutsideRules(version.height, entry.slot)
            }
            guard isSignedByAuthor(contribution, verifier: verifier) else {
                throw .invalidContributionSignature(version.height, entry.slot)
            }
        }
        do { return try advanced(by: embedded) } catch { throw .payload(version.height, error) }
    }
}
