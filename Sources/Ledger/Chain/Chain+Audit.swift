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
}

extension Chain {
    /// Checks everything about `certified` that can be checked without tensors, and returns the chain after it.
    public func audited(_ certified: CertifiedVersion, verifier: Verifier) throws(AuditFault) -> Chain {
        let version = certified.version
        let embedded = certified.embedded
        guard embedded.ready.count == embedded.payload.support.ready.count,
            embedded.availability.count == version.manifest.count,
            certified.contributions.count == version.manifest.count
        else { throw .missingEmbedded(version.height) }
        do {
            try judge(embedded.payload, ready: embedded.ready, availability: embedded.availability, verifier: verifier)
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
        do { return try advanced(by: version) } catch { throw .payload(version.height, error) }
    }

    /// Whether the record says only what the rules allow, as far as that shows without its payload.
    public func isWithinRules(_ contribution: Contribution) -> Bool {
        contribution.network == network && contribution.payloadBytes <= rules.contributionBytesMaximum
            && contribution.pieceBytes == rules.pieceBytes && contribution.pieceCount <= Limits.pieces
            && base(contribution.base)?.height == contribution.baseHeight
    }

    /// Whether the author's node key, in the set of its base, signed the record.
    public func isSignedByAuthor(_ contribution: Signed<Contribution>, verifier: Verifier) -> Bool {
        guard contribution.signer == contribution.body.author, let base = base(contribution.body.base) else {
            return false
        }
        return contribution.isValid(in: base.members, network: network, verifier: verifier)
    }
}
