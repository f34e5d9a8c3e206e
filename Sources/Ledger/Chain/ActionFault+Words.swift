/// Why an action may not stand, as the rest of a sentence about it: for the daemon's refusals and for `meshctl`.
extension ActionFault {
    /// - Parameter members: gives the names.
    public func words(_ members: MemberSet) -> String {
        words { members[$0]?.name ?? $0.short }
    }

    private func words(_ name: (MemberID) -> String) -> String {
        switch self {
        case .tooEarly(let first): "may not take effect before version \(first)"
        case .expired(let last): "could take effect up to version \(last) only"
        case .usedSequence(let number, let last): "has the number \(number), and \(last) was used already"
        case .distantSequence(let number, let last):
            "has the number \(number), more than \(Limits.sequenceStep) above \(last), the last one"
        case .alreadyMember(let id): "admits \(name(id)), which is a member"
        case .formerMember(let id):
            "admits \(id.short), which was a member before: a site that comes back makes new keys"
        case .notMember(let id): "is about \(id.short), which is no member"
        case .lastMember: "removes the last member"
        case .takenIdentity(let id): "gives \(name(id)) a name or key that another member has"
        case .tooManyMembers: "makes the member set larger than the ledger allows"
        case .wrongRotation(let id, let epoch):
            "rotates the keys of \(name(id)) to epoch \(epoch), which is not the next, or changes more than keys"
        case .rules(let fault): fault.words
        case .unchangedRules: "leaves the rules as they are"
        case .outsideRetention(let from, let oldest):
            "reverts from version \(from) on; contributions are kept from version \(oldest) on"
        case .repeatedExclusion: "excludes what is excluded already"
        case .tooManyReverts: "is one revert more than the ledger allows"
        case .notProposable: "is a switch to a replayed history, which nobody proposes"
        case .foreignSignature(let id):
            "has a signature of \(name(id)) that is not one of its current operator key over this action"
        case .tooFewOperators(let signed, let needed): "has \(signed) of the \(needed) operator signatures it needs"
        case .unsignedByOwner(let id): "rotates the keys of \(name(id)) without the signature of its operator"
        case .wrongPossession: "lacks the new node key's signature, or has one where no key is new"
        case .notReady: "lacks a quorum of the resulting members that are ready for it"
        case .subjectNotReady(let id): "admits \(id.short), which has not said that it is ready"
        }
    }
}

extension ActionFault: CustomStringConvertible {
    /// Without the members' names.
    public var description: String { "it " + words(\.short) }
}

extension RulesFault: CustomStringConvertible {
    public var description: String { "who names the rules " + words }
}

extension RulesFault {
    /// As the rest of a sentence about who names the rules.
    public var words: String {
        switch self {
        case .operatorThresholdBelowHalf(let numerator, let denominator):
            "lets \(numerator)/\(denominator) of the operators decide: two groups could decide against each other"
        case .nodeWeightBelowFairShare(let maximum, let count):
            "caps a member's weight at \(RulesFault.percent(maximum)) %, below the fair share of 1/\(count)"
        case .approvalsOutOfRange(let approvals, let count):
            "asks for \(approvals) approvals where \(max(0, count - 1)) other sites could give one"
        case .approvalsBeyondRecord(let approvals):
            "asks for \(approvals) approvals where a ready record carries \(Limits.readyReviews) reviews"
        case .warmupBeyondSchedule(let warmup, let schedule):
            "warms up for \(warmup) steps, which is longer than the schedule of \(schedule)"
        case .minContributionsBeyondMembers(let minimum, let count):
            "asks for at least \(minimum) contributions a version, and there are \(count) members"
        case .denseSharedOptimizer: "names a shared optimizer with a dense encoding; it needs `top-k`"
        case .sharedScheduleTooLong(let steps):
            "names a shared optimizer with a schedule of \(steps) steps, more than \(Rules.sharedStepsMaximum)"
        case .optimizerOfAnotherKind(let old, let new):
            "changes the optimizer from \(old.rawValue) to \(new.rawValue): a mesh has a shared optimizer from its founding on or "
                + "never; a fork may choose again"
        case .minContributionsBeyondRecord(let minimum, let named):
            "asks for at least \(minimum) contributions a version where a ready record names \(named)"
        }
    }

    /// With one digit after the point, rounded to the nearest.
    private static func percent(_ valueQ30: UInt32) -> String {
        let tenths = (UInt64(valueQ30) * 1000 + UInt64(Rules.oneQ30) / 2) / UInt64(Rules.oneQ30)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
