import Crypto
import Gossip
import Ledger

/// Judging payloads and the votes for them once more, by the text of the protocol and not by the core's code.
extension Checkers {
    /// An honest member proposed or voted for this payload, or carries it on: then it is valid, whoever made it.
    func validate(_ embedded: EmbeddedPayload, of member: Int) {
        let version = embedded.payload.version
        guard judged.insert(version.versionDigest).inserted else { return }
        if let fault = fault(in: embedded) {
            report(.invalidPayload, "member \(member) stands by \(version.versionDigest.short): \(fault)")
        }
        if let refusal = refusals[version.versionDigest] {
            report(.judgedApart, "member \(member) stands by \(version.versionDigest.short), which \(refusal)")
        }
    }

    /// An honest member refused this payload as provably invalid, whoever proposed it: then it is, and no honest member
    /// stands by it. Only judgements on what it embeds are told here: the roots that a node compares with come from the
    /// cluster itself.
    ///
    /// - Parameter embedded: nil if the member refused it before it asked for what it embeds.
    func refused(_ payload: Payload, _ embedded: EmbeddedPayload?, by member: Int, because fault: PayloadFault) {
        let version = payload.version.versionDigest
        let refusal = "member \(member) refuses: \(fault)"
        guard refusals.updateValue(refusal, forKey: version) == nil else { return }
        if judged.contains(version) {
            report(.judgedApart, "somebody stands by \(version.short), which \(refusal)")
        } else if isRight(payload, embedded, fault) {
            report(.judgedApart, "\(version.short) is valid, and \(refusal)")
        }
    }

    private func isRight(_ payload: Payload, _ embedded: EmbeddedPayload?, _ fault: PayloadFault) -> Bool {
        if let embedded { return self.fault(in: embedded) == nil }
        // How long the lists are that it names does not show in the payload.
        if case .oversizedClosing = fault { return false }
        return faultOfShape(payload) == nil
    }

    /// What is wrong before anything is known of what the payload names.
    private func faultOfShape(_ payload: Payload) -> String? {
        let (version, support) = (payload.version, payload.support)
        let height = version.height.value
        guard height > 0, let parent = height == 1 ? genesisVersion : versions[height - 1],
            let roster = rosters[height],
            version.parent == parent.versionDigest, version.network == network, version.support == support.digest
        else { return "another parent, network or support" }
        let count = Set(support.ready).count
        guard count == support.ready.count, roster.isQuorum(count), !roster.isQuorum(count - 1) else {
            return "\(support.ready.count) ready records"
        }
        if support.action == nil, version.rules != roster.rules.digest || version.members != roster.memberSet.digest {
            return "other rules or members without an action"
        }
        let slots = Set(version.manifest.map(\.slot))
        guard slots.count == version.manifest.count, slots.isEmpty || slots.count >= roster.rules.minContributions
        else {
            return "\(version.manifest.count) entries"
        }
        let areSlots = slots.allSatisfy { slot in
            guard let base = baseHeight(slot.base), base + 1 <= height else { return false }
            return height - 1 - base <= UInt64(roster.rules.maxStaleness)
                && rosters[base + 1]?.contains(slot.author) ?? false
        }
        guard areSlots else { return "a slot that does not exist" }
        return support.closings.count > Set(slots.map(\.base)).count ? "\(support.closings.count) closings" : nil
    }

    private func fault(in embedded: EmbeddedPayload) -> String? {
        let version = embedded.version
        let height = version.height.value
        guard height > 0, let parent = height == 1 ? genesisVersion : versions[height - 1], let roster = rosters[height]
        else { return "nobody adopted its parent" }
        if version.parent != parent.versionDigest { return "another parent" }
        if version.network != network { return "another network" }
        let support = embedded.payload.support
        guard version.support == support.digest, support.action == embedded.action?.objectDigest else {
            return "another support"
        }
        if let fault = faultOfReady(embedded, parent, roster) { return fault }
        let ready = embedded.ready.map(\.body)
        if let replayed = rootsToSwitch(ready) {
            return faultOfSwitch(embedded, to: replayed, roster)
        }
        if let fault = faultOfAction(embedded, ready, roster) { return fault }
        if let fault = faultOfManifest(embedded, ready, roster) { return fault }
        return version.roots == roots(parent.roots, version.manifest) ? nil : "other roots"
    }

    /// Of the actions that enough members were ready with, the right one, and what it makes of members and rules.
    private func faultOfAction(_ embedded: EmbeddedPayload, _ ready: [Ready], _ roster: Roster) -> String? {
        let version = embedded.version
        guard version.action == embedded.action?.action.digest, version.action == actionToCarry(ready, roster) else {
            return "another action than its ready records ask for"
        }
        var next = roster
        if let complete = embedded.action {
            guard let after = self.roster(after: complete, at: version.height.value) else {
                return "an action that may not stand there"
            }
            next = after
        }
        let isRight = version.rules == next.rules.digest && version.members == next.memberSet.digest
        return isRight ? nil : "other rules or members"
    }

    private func faultOfSwitch(_ embedded: EmbeddedPayload, to replayed: StateRoots, _ roster: Roster) -> String? {
        let version = embedded.version
        guard version.manifest.isEmpty, embedded.closings.isEmpty, embedded.action == nil, version.action != nil else {
            return "a replayed state takes over beside something else"
        }
        let isRight = version.rules == roster.rules.digest && version.members == roster.memberSet.digest
        guard isRight, version.roots == replayed else { return "another replayed state" }
        return nil
    }

    private func faultOfManifest(_ embedded: EmbeddedPayload, _ ready: [Ready], _ roster: Roster) -> String? {
        let version = embedded.version
        let height = version.height.value
        let index = reviews(below: height, with: ready)
        let expected = slotsToList(ready, height: height, index, roster)
        if version.manifest.map(\.slot) != expected {
            return "lists \(version.manifest.count) slots, must list \(expected.count)"
        }
        if let fault = faultOfClosings(embedded) { return fault }
        if embedded.availability.count != version.manifest.count { return "too few availability certificates" }
        for (entry, certificate) in zip(version.manifest, embedded.availability) {
            if let fault = fault(of: entry, certificate, roster) { return fault }
            if isBlockedByReview(entry.contribution, in: entry.slot, index, roster) { return "what was vetoed" }
            if entry.weightQ30 != weight(of: entry, among: version.manifest, height: height, roster.rules) {
                return "a wrong weight"
            }
        }
        return nil
    }

    /// As many ready records as make a quorum, of distinct members, for this height and parent.
    private func faultOfReady(_ embedded: EmbeddedPayload, _ parent: Version, _ roster: Roster) -> String? {
        let named = embedded.payload.support.ready
        guard named.count == embedded.ready.count, roster.isQuorum(named.count), !roster.isQuorum(named.count - 1)
        else { return "\(named.count) ready records" }
        guard Set(embedded.ready.map(\.signer)).count == named.count else { return "a member is ready twice" }
        for (name, record) in zip(named, embedded.ready) {
            let claim = Claim(signer: record.signer, record.body)
            let isSigned = isValid(claim, record.signature) {
                record.body.isSigned(record.signature, by: $0, network: $1)
            }
            guard isSigned, record.objectDigest == name, record.body.parent == parent.versionDigest,
                record.body.height == parent.height.next
            else { return "a ready record of something else" }
            guard areSigned(record.body.reviews, roster) else { return "a review that no operator signed" }
        }
        return nil
    }

    /// Named by f + 1 of them, not listed below, not kept out by reviews, on a base that is young enough; of an author
    /// the newest base. None at all where the rules ask for more.
    private func slotsToList(_ ready: [Ready], height: UInt64, _ index: ReviewIndex, _ roster: Roster) -> [Slot] {
        var newest: [MemberID: (slot: Slot, base: UInt64)] = [:]
        for slot in Set(ready.flatMap(\.slots)) {
            guard ready.count(where: { $0.slots.contains(slot) }) > roster.faultBound,
                isEligible(slot, height: height), !isExempt(slot, index, roster), let base = baseHeight(slot.base),
                newest[slot.author].map({ $0.base < base }) ?? true
            else { continue }
            newest[slot.author] = (slot, base)
        }
        let isAllowed = newest.count >= roster.rules.minContributions
        return isAllowed ? newest.values.map(\.slot).sorted() : []
    }

    /// Whether a version of this height may list the slot: its author decides both heights, its base was never out of
    /// reach since, and no replayed state came between.
    func isEligible(_ slot: Slot, height: UInt64) -> Bool {
        guard let base = baseHeight(slot.base), base < height, listed[slot].map({ $0 >= height }) ?? true,
            base >= lastSwitch(below: height), let then = rosters[base + 1], let now = rosters[height],
            then.contains(slot.author), now.contains(slot.author)
        else { return false }
        return (base + 1...height).allSatisfy { step in
            rosters[step].map { step - 1 - base <= UInt64($0.rules.maxStaleness) } ?? false
        }
    }

    private func fault(
        of entry: ManifestEntry, _ certificate: AvailabilityCertificate, _ roster: Roster
    ) -> String? {
        let vote = certificate.vote
        guard vote.slot == entry.slot, vote.contribution == entry.contribution,
            certificate.digest == entry.availability,
            baseHeight(entry.slot.base) == entry.baseHeight.value, vote.baseHeight == entry.baseHeight
        else { return "an availability certificate of something else" }
        guard isQuorumOfValid(certificate.signatures, over: vote) else {
            return "an availability certificate without a quorum"
        }
        let present = positions(certificate.signatures.bitmap).count { position in
            rosters[entry.baseHeight.value + 1].map { roster.contains($0.members[position].id) } ?? false
        }
        return present > roster.faultBound ? nil : "an availability certificate whose signers have left"
    }

    /// One, or what its share of all tokens gives it: at most the cap of what all have together, less for every version
    /// it is late.
    private func weight(
        of entry: ManifestEntry, among manifest: [ManifestEntry], height: UInt64, _ rules: Rules
    ) -> UInt64 {
        var share = UInt128(1) << 30
        if rules.weights == .tokens {
            let all = manifest.reduce(UInt128(0)) { $0 + UInt128(tokens[$1.contribution] ?? 0) }
            share = all == 0 ? 0 : UInt128(tokens[entry.contribution] ?? 0) * UInt128(manifest.count) * share / all
        }
        var weight = UInt64(min(share, UInt128(rules.nodeWeightMaximumQ30) * UInt128(manifest.count)))
        for _ in entry.baseHeight.value + 1..<height { weight = (weight * UInt64(rules.stalenessDiscountQ30)) >> 30 }
        return weight
    }

    // MARK: - Justification

    /// Notes a proposal of whomever: what view it claims to come from.
    func note(_ proposal: Proposal) {
        let place = ProposedPlace(height: proposal.height, view: proposal.view, version: proposal.version)
        claimedViews[place, default: []].insert(proposal.reproposed.value)
    }

    /// An honest member notarizes only what some proposal justifies: notarized in the view that it claims, every view
    /// between nullified, as far as the signatures that exist allow either.
    func checkJustification(of vote: Vote, by member: Int) {
        guard vote.kind == .notarize else { return }
        let place = ProposedPlace(height: vote.height, view: vote.view, version: vote.version)
        let isJustified = (claimedViews[place] ?? []).contains { claimed in
            if claimed > 0, !canBeQuorum(.notarize(vote.height, View(claimed)), of: vote.version) { return false }
            return (claimed + 1..<vote.view.value).allSatisfy { canBeQuorum(.nullify(vote.height, View($0)), of: nil) }
        }
        if !isJustified {
            report(.unjustifiedVote, "member \(member) notarizes \(vote.version.short) in \(vote.height)/\(vote.view)")
        }
    }

    /// Whether those honest members that are known to have signed, and all others that may say anything, are a quorum.
    private func canBeQuorum(_ place: Claim.Place, of version: VersionDigest?) -> Bool {
        let roster = roster(of: place)
        let count = roster.members.count { member in
            if !isHonest(member.id) { return true }
            guard let content = signed[SignedPlace(signer: member.id, place: place)] else { return false }
            guard case .notarize(let height, let view) = place, let version else { return true }
            return content == Vote(kind: .notarize, height: height, view: view, version: version).digest
        }
        return roster.isQuorum(count)
    }

    // MARK: - Views

    /// Asked when nothing fails any more: whoever finalized in a view is not alone with the certificate that others
    /// need to leave it, so that every view below can be left by everybody.
    ///
    /// - Parameter isAlive: whether a member will ever speak again.
    func checkRecoverable(isAlive: (Int) -> Bool) {
        let living = people.indices.filter { isHonest[$0] && isAlive($0) }
        for member in living {
            for vote in grounds[member].finalized where versions[vote.height.value] == nil {
                let notarized = Vote(kind: .notarize, height: vote.height, view: vote.view, version: vote.version)
                if !living.contains(where: { grounds[$0].certificates.contains(notarized) }) {
                    report(.unrecoverableView, "\(vote.height)/\(vote.view): finalized, and no notarization is left")
                }
            }
        }
    }
}
