import Crypto

extension Chain {
    /// Whether there is such a slot: of a member, on a base of which contributions may still be listed.
    func hasSlot(_ slot: Slot) -> Bool { base(slot.base)?.members[slot.author] != nil }

    /// Whether a contribution in `slot` may be listed at the next height, apart from its availability and reviews.
    public func isEligible(_ slot: Slot) -> Bool {
        // What was encoded by other rules than today's cannot be averaged with the rest.
        guard let base = base(slot.base), listed[slot] == nil, base.rules.encoding == rules.encoding else {
            return false
        }
        return base.members[slot.author] != nil && members[slot.author] != nil
    }

    /// Whether enough of the certificate's signers are members of the next height: otherwise members that left could
    /// be the only holders.
    public func hasHolders(_ certificate: AvailabilityCertificate) -> Bool {
        guard let base = base(certificate.vote.slot.base) else { return false }
        if base.members == members { return certificate.signatures.signatures.count >= members.faultBound + 1 }
        let current = certificate.signatures.signers.filter { index in
            index < base.members.count && members[base.members.members[index].id] != nil
        }
        return current.count >= members.faultBound + 1
    }

    /// At most `limit` of `slots`, those with the newest bases: a manifest prefers them too.
    public func newest(_ slots: [Slot], limit: Int) -> [Slot] {
        guard slots.count > limit else { return slots }
        let byAge = slots.map { (slot: $0, height: base($0.base)?.height ?? .genesis) }
            .sorted { $0.height != $1.height ? $0.height > $1.height : $0.slot < $1.slot }
        return byAge.prefix(limit).map(\.slot).sorted()
    }

    /// The slots that a fresh payload on these ready records must list, by ascending author: those named by at least f
    /// + 1 of them, eligible, not exempt by review, the newest base of each author. None where these are fewer than the
    /// rules' `minContributions`: what a few members made does not move the model.
    public func slotsToList(by ready: [Ready]) -> [Slot] {
        var counts: [Slot: Int] = [:]
        for record in ready { for slot in record.slots { counts[slot, default: 0] += 1 } }
        let reviews = reviews(with: ready)
        var newest: [MemberID: (slot: Slot, height: Height)] = [:]
        for (slot, count) in counts
        where count >= members.faultBound + 1 && isEligible(slot) && !isExempt(slot, by: reviews[slot]) {
            guard let height = base(slot.base)?.height else { continue }
            if let other = newest[slot.author], other.height > height { continue }
            newest[slot.author] = (slot, height)
        }
        guard newest.count >= Int(rules.minContributions) else { return [] }
        return newest.values.map(\.slot).sorted()
    }

    /// The weights of the contributions of the next version's manifest.
    public func weightsQ30(of contributions: [Contribution]) -> [UInt64] {
        rules.weightsQ30(of: contributions, parent: head.height)
    }

    /// The manifest that lists `slots` with these certificates.
    ///
    /// - Returns: nil while a certificate or a contribution's record lacks.
    public func manifest(
        listing slots: [Slot], availability: [Slot: AvailabilityCertificate],
        contributions: [ContributionDigest: Contribution]
    ) -> [ManifestEntry]? {
        var certificates: [AvailabilityCertificate] = []
        var records: [Contribution] = []
        for slot in slots {
            guard let certificate = availability[slot], let record = contributions[certificate.vote.contribution]
            else { return nil }
            certificates.append(certificate)
            records.append(record)
        }
        return zip(certificates, zip(records, weightsQ30(of: records))).map { certificate, weighted in
            ManifestEntry(
                slot: certificate.vote.slot, baseHeight: weighted.0.baseHeight,
                contribution: certificate.vote.contribution, availability: certificate.digest,
                weightQ30: weighted.1)
        }
    }
}

extension Rules {
    /// The weights of the contributions of one manifest, in 1/2^30, before the division by their number.
    ///
    /// A contribution's share is one part of all (equal weights) or of all tokens (by tokens). What a share exceeds the
    /// cap by is cut off and handed to nobody, and what is left is halved (by the rule's discount) for every version
    /// that the contribution is late.
    ///
    /// - Parameter parent: the height of the version that they are averaged on.
    public func weightsQ30(of contributions: [Contribution], parent: Height) -> [UInt64] {
        let count = UInt128(contributions.count)
        let tokens = contributions.reduce(UInt128(0)) { $0 + UInt128($1.tokens) }
        return contributions.map { contribution in
            // In 1/2^30 of the average, so that an equal share is one.
            let share: UInt128
            switch weights {
            case .equal: share = UInt128(Rules.oneQ30)
            case .tokens:
                share = tokens == 0 ? 0 : UInt128(contribution.tokens) * count * UInt128(Rules.oneQ30) / tokens
            }
            let capped = min(share, UInt128(nodeWeightMaximumQ30) * count)
            return discounted(UInt64(capped), late: parent.value - min(parent.value, contribution.baseHeight.value))
        }
    }

    private func discounted(_ weight: UInt64, late: UInt64) -> UInt64 {
        var weight = UInt128(weight)
        for _ in 0..<min(late, 64) { weight = (weight * UInt128(stalenessDiscountQ30)) >> 30 }
        return UInt64(weight)
    }
}
