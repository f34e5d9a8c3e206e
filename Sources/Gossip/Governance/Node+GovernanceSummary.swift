import Crypto
import Ledger

/// Actions and reviews are pushed when they are new; what was lost on the way comes by the summaries.
extension Node {
    var actionParts: [InventorySummary.ActionPart] {
        governance.digests.compactMap { digest in
            guard let pending = governance[digest] else { return nil }
            var operators = Bitmap(count: height.members.count)
            for signer in pending.operators.keys {
                if let index = chain.members.index(of: signer) { operators.insert(index) }
            }
            var readiness = Bitmap(count: pending.resultingMembers?.count ?? 0)
            for index in pending.readiness.keys { readiness.insert(index) }
            return InventorySummary.ActionPart(
                action: digest, operators: operators, hasPossession: pending.possession != nil, readiness: readiness,
                verdicts: bitmap(of: pending.verdicts))
        }
    }

    private func bitmap(of verdicts: [MemberID: SignedProposalVerdict]) -> Bitmap {
        guard !verdicts.isEmpty else { return Bitmap(count: 0) }
        var bitmap = Bitmap(count: chain.members.count)
        for signer in verdicts.keys { if let index = chain.members.index(of: signer) { bitmap.insert(index) } }
        return bitmap
    }

    /// Whose verdict on the slot this node holds, or its chain.
    func reviewers(of slot: Slot) -> Bitmap {
        var bitmap = Bitmap(count: chain.members.count)
        guard !governance.reviews.isEmpty || !chain.reviews.isEmpty else { return bitmap }
        for (index, member) in chain.members.members.enumerated() where isReviewed(slot, by: member.id) {
            bitmap.insert(index)
        }
        return bitmap
    }

    /// Gives a peer on the same head the signatures that it lacks.
    func answerActions(_ summary: InventorySummary, on id: LinkID) {
        for digest in governance.digests {
            guard let pending = governance[digest] else { continue }
            let theirs = summary.actions.first { $0.action == digest }
            answerVerdicts(on: pending, theirs, on: id)
            let operators = pending.signatures.filter { signature in
                // What was taken back is sent only on request.
                guard pending.verdicts[signature.signer] == nil else { return false }
                guard let theirs, let index = chain.members.index(of: signature.signer) else { return true }
                return !theirs.operators[index]
            }
            let possession = theirs?.hasPossession ?? false ? nil : pending.possession
            if !operators.isEmpty || possession != nil && !pending.supporters.isEmpty {
                sendSignatures(operators, possession, of: pending.action, to: id)
            }
            answerReadiness(pending, theirs, on: id)
        }
    }

    /// In as many messages as it takes.
    func sendSignatures(
        _ operators: [OperatorSignature], _ possession: Signature?, of action: GovernanceAction, to link: LinkID
    ) {
        let share = Wire.fullMembersMaximum
        for start in stride(from: 0, to: max(1, operators.count), by: share) {
            let part = Array(operators[start..<min(operators.count, start + share)])
            let isFirst = start == 0
            send(
                .action(
                    SignedGovernanceAction(
                        action: action, operators: part, possession: isFirst ? possession : nil)), to: link)
        }
    }

    private func answerVerdicts(on pending: PendingAction, _ theirs: InventorySummary.ActionPart?, on id: LinkID) {
        for signer in pending.verdicts.keys.sorted() {
            guard let verdict = pending.verdicts[signer], let index = chain.members.index(of: signer) else { continue }
            if theirs?.verdicts[index] ?? false { continue }
            send(.verdict(JudgedProposal(action: pending.action, verdict: verdict)), to: id)
        }
    }

    private func answerReadiness(_ pending: PendingAction, _ theirs: InventorySummary.ActionPart?, on id: LinkID) {
        guard let statement = pending.readinessStatement, let members = pending.resultingMembers else { return }
        let lacking = pending.readiness.filter { !(theirs?.readiness[$0.key] ?? false) }
        guard !lacking.isEmpty else { return }
        send(.readiness(statement, QuorumSignatures(lacking, memberCount: members.count)), to: id)
    }

    /// Gives a peer the verdicts on a candidate's slot that it lacks.
    func answerReviews(of slot: Slot, _ theirs: InventorySummary.CandidatePart?, on id: LinkID) {
        for review in governance.reviews(of: slot) {
            if let theirs, let index = chain.members.index(of: review.reviewer), theirs.reviewers[index] { continue }
            send(.review(review), to: id)
        }
    }
}
