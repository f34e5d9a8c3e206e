import Crypto

extension Chain {
    /// Whether a contribution in `slot` may be listed at the next height, apart from its availability.
    public func isEligible(_ slot: Slot) -> Bool {
        guard let base = base(slot.base), listed[slot] == nil else { return false }
        return base.members[slot.author] != nil && members[slot.author] != nil
    }

    /// Whether enough of the certificate's signers are members of the next height: otherwise members that left could
    /// be the only holders.
    public func hasHolders(_ certificate: AvailabilityCertificate) -> Bool {
        guard let base = base(certificate.stored.slot.base) else { return false }
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

    /// The slots that a fresh payload on these ready records must list, by ascending author: those named by at least
    /// f + 1 of them, eligible, the newest base of each author.
    public func slotsToList(by ready: [Ready]) -> [Slot] {
        var counts: [Slot: Int] = [:]
        for record in ready { for slot in record.slots { counts[slot, default: 0] += 1 } }
        var newest: [MemberID: (slot: Slot, height: Height)] = [:]
        for (slot, count) in counts where count >= members.faultBound + 1 && isEligible(slot) {
            guard let height = base(slot.base)?.height else { continue }
            if let other = newest[slot.author], other.height > height { continue }
            newest[slot.author] = (slot, height)
        }
        return newest.values.map(\.slot).sorted()
    }

    /// The weight of a contribution on `baseHeight` that is listed at the next height, in 1/2^30.
    ///
    /// Equal weights, halved (by the rule's discount) for every version that it is late.
    public func weightQ30(baseHeight: Height) -> UInt32 {
        var weight = UInt64(Rules.oneQ30)
        var late = head.height.value - baseHeight.value
        while late > 0 {
            weight = (weight * UInt64(rules.stalenessDiscountQ30)) >> 30
            late -= 1
        }
        return UInt32(min(weight, UInt64(rules.nodeWeightMaximumQ30)))
    }

    /// The manifest that lists `slots` with these certificates; nil while a certificate lacks.
    public func manifest(listing slots: [Slot], availability: [Slot: AvailabilityCertificate]) -> [ManifestEntry]? {
        var entries: [ManifestEntry] = []
        for slot in slots {
            guard let certificate = availability[slot], let base = base(slot.base) else { return nil }
            entries.append(
                ManifestEntry(
                    slot: slot, baseHeight: base.height, contribution: certificate.stored.contribution,
                    availability: certificate.digest, weightQ30: weightQ30(baseHeight: base.height)))
        }
        return entries
    }
}
