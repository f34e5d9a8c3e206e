import Crypto

/// How contributions are combined. A closed list: a rule is a value in the ledger, never a constant of a daemon.
public enum AveragingRule: String, Sendable, Hashable {
    /// Clip to the median norm, give near copies one weight, divide by the number listed.
    case clipDedupMean = "clip-dedup-mean"
    /// The same, with lower weights for contributions that have few near ones: nearest-neighbour mixing and geometric
    /// median. Against members that send harmful contributions; it also weakens a language that only one site has.
    case clipNnmGm = "clip-nnm-gm"
}

/// When a contribution becomes eligible.
public enum ReviewMode: String, Sendable, Hashable {
    case open
    case vetoWindow = "veto-window"
    case approve
}

/// Whose contribution weighs how much.
public enum WeightMode: String, Sendable, Hashable {
    case equal
    case tokens
}

/// How gradients become steps.
public enum InnerOptimizer: String, Sendable, Hashable {
    /// Each site takes local steps, and contributes how far it came.
    case adamW = "adamw"
    /// The same, with Muon for the projections of the layers, AdamW for embedding and norms.
    case muon
    /// Sites take no steps: they contribute gradient momentum, and all nodes take the same step of AdamW, whose state is part of
    /// every version. A mesh has it from its founding on or never.
    case sharedAdamW = "shared-adamw"

    /// Whether a version's state has a second part, of the optimizer.
    public var isShared: Bool { self == .sharedAdamW }

    /// Values of that part for a model of so many parameters: a second moment for each, and the number of steps.
    public func stateCount(parameterCount: UInt64) -> UInt64 { isShared ? parameterCount + 1 : 0 }
}

/// The rules in force at a height. Everything that two members must do alike and might ever want to change.
public struct Rules: Statement, Hashable {
    public static let tag = "rules"

    /// Fixed-point one in weights and discounts.
    public static let oneQ30: UInt32 = 1 << 30
    /// The longest `scheduleSteps` of a shared optimizer, whose state counts them in a float32.
    public static let sharedStepsMaximum: UInt32 = 1 << 24
    /// The largest `maxStaleness`.
    public static let maxStalenessMaximum: UInt32 = 16

    public var averaging: AveragingRule = .clipDedupMean
    public var encoding: Encoding = .topK(kept: 64, bits: 2)
    /// Outer learning rate in 1/65,536: theta += rate * average.
    public var outerLearningRateQ16: UInt32 = 1 << 16
    /// A contribution may name one of the last `maxStaleness + 1` versions as its base.
    public var maxStaleness: UInt32 = 1
    /// The weight of a contribution one version late, in 1/2^30; a version later again, its square, and so on.
    public var stalenessDiscountQ30: UInt32 = 1 << 29
    /// The fewest contributions that a version may list, 1 to the number of members. Where the ready records name fewer,
    /// the version lists none (`Chain.slotsToList`).
    public var minContributions: UInt32 = 1
    /// In bytes.
    public var contributionBytesMaximum: UInt64 = 1 << 34
    public var pieceBytes: UInt32 = 1 << 18
    public var review: ReviewMode = .open
    /// Approvals that a contribution needs under `ReviewMode.approve`, of other sites than its author.
    public var approvals: UInt32 = 0
    /// How long a member waits, from the moment when it sees a contribution's availability certificate, before it calls
    /// that contribution ready under `ReviewMode.vetoWindow`, in seconds. A local delay: it never makes a version invalid.
    public var reviewSeconds: UInt32 = 0
    public var weights: WeightMode = .equal
    /// The largest share of one member, in 1/2^30. What it cuts off is handed to nobody.
    public var nodeWeightMaximumQ30: UInt32 = Rules.oneQ30
    /// Contributions are kept this many versions; a revert cannot reach further back.
    public var retentionVersions: UInt32 = 1024
    /// More than this share of the operators must sign an action.
    public var operatorThresholdNumerator: UInt32 = 2
    public var operatorThresholdDenominator: UInt32 = 3
    /// Local steps a round, and the schedule of the inner optimizer: the same for every site, joiners included. Under a shared
    /// optimizer, the gradients that one contribution averages.
    public var innerSteps: UInt32 = 10
    public var batchSequences: UInt32 = 8
    public var scheduleSteps: UInt32 = 2400
    public var warmupSteps: UInt32 = 100
    public var innerOptimizer: InnerOptimizer = .adamW
    /// Peak learning rate of AdamW, also of a shared one, in 1e-9.
    public var innerLearningRateNano: UInt32 = 1_000_000
    /// Peak learning rate of Muon in 1e-9; nothing under AdamW alone.
    public var muonLearningRateNano: UInt32 = 20_000_000
    /// Share of what a contribution left unsent that is added to the next one, in 1/65,536: 0.95, rounded. Under a shared
    /// optimizer, the decay of the momentum.
    public var errorFeedbackQ16: UInt32 = 62_259

    public init() {}

    public var cbor: CBOR {
        .record([
            "averaging": .variant(averaging), "encoding": encoding.cbor,
            "outer_learning_rate_q16": .unsigned(UInt64(outerLearningRateQ16)),
            "max_staleness": .unsigned(UInt64(maxStaleness)),
            "staleness_discount_q30": .unsigned(UInt64(stalenessDiscountQ30)),
            "min_contributions": .unsigned(UInt64(minContributions)),
            "contribution_bytes_maximum": .unsigned(contributionBytesMaximum),
            "piece_bytes": .unsigned(UInt64(pieceBytes)), "review": .variant(review),
            "approvals": .unsigned(UInt64(approvals)), "review_seconds": .unsigned(UInt64(reviewSeconds)),
            "weights": .variant(weights),
            "node_weight_maximum_q30": .unsigned(UInt64(nodeWeightMaximumQ30)),
            "retention_versions": .unsigned(UInt64(retentionVersions)),
            "operator_threshold_numerator": .unsigned(UInt64(operatorThresholdNumerator)),
            "operator_threshold_denominator": .unsigned(UInt64(operatorThresholdDenominator)),
            "inner_steps": .unsigned(UInt64(innerSteps)), "batch_sequences": .unsigned(UInt64(batchSequences)),
            "schedule_steps": .unsigned(UInt64(scheduleSteps)), "warmup_steps": .unsigned(UInt64(warmupSteps)),
            "inner_optimizer": .variant(innerOptimizer),
            "inner_learning_rate_nano": .unsigned(UInt64(innerLearningRateNano)),
            "muon_learning_rate_nano": .unsigned(UInt64(muonLearningRateNano)),
            "error_feedback_q16": .unsigned(UInt64(errorFeedbackQ16)),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        averaging = try reader.variant("averaging")
        encoding = try reader.record("encoding")
        outerLearningRateQ16 = try reader.unsigned32("outer_learning_rate_q16", in: 1...(64 << 16))
        maxStaleness = try reader.unsigned32("max_staleness", in: 0...Rules.maxStalenessMaximum)
        stalenessDiscountQ30 = try reader.unsigned32("staleness_discount_q30", in: 0...Rules.oneQ30)
        minContributions = try reader.unsigned32("min_contributions", in: 1...UInt32(Limits.members))
        contributionBytesMaximum = try reader.unsigned("contribution_bytes_maximum", in: 1...Limits.payloadBytesMaximum)
        pieceBytes = try reader.unsigned32("piece_bytes", in: Limits.pieceBytesMinimum...Limits.pieceBytesMaximum)
        review = try reader.variant("review")
        approvals = try reader.unsigned32("approvals", in: 0...UInt32(Limits.members))
        reviewSeconds = try reader.unsigned32("review_seconds", in: 0...(7 * 86_400))
        weights = try reader.variant("weights")
        nodeWeightMaximumQ30 = try reader.unsigned32("node_weight_maximum_q30", in: 1...Rules.oneQ30)
        retentionVersions = try reader.unsigned32("retention_versions", in: 2...(1 << 20))
        operatorThresholdNumerator = try reader.unsigned32("operator_threshold_numerator", in: 1...1000)
        operatorThresholdDenominator = try reader.unsigned32("operator_threshold_denominator", in: 1...1000)
        innerSteps = try reader.unsigned32("inner_steps", in: 1...(1 << 20))
        batchSequences = try reader.unsigned32("batch_sequences", in: 1...(1 << 16))
        scheduleSteps = try reader.unsigned32("schedule_steps", in: 1...(1 << 30))
        warmupSteps = try reader.unsigned32("warmup_steps", in: 0...(1 << 30))
        innerOptimizer = try reader.variant("inner_optimizer")
        innerLearningRateNano = try reader.unsigned32("inner_learning_rate_nano", in: 1...1_000_000_000)
        muonLearningRateNano = try reader.unsigned32("muon_learning_rate_nano", in: 1...1_000_000_000)
        errorFeedbackQ16 = try reader.unsigned32("error_feedback_q16", in: 0...65_536)
        try reader.finish()
        guard operatorThresholdNumerator < operatorThresholdDenominator else {
            throw .outOfRange(key: "operator_threshold_numerator")
        }
    }

    /// How many of so many operators must sign an action: more than the threshold's share.
    public func operatorsNeeded(memberCount: Int) -> Int {
        Int(UInt64(memberCount) * UInt64(operatorThresholdNumerator) / UInt64(operatorThresholdDenominator)) + 1
    }

    /// Why a mesh of so many members may not have these rules; nil where it may.
    public func fault(memberCount: Int) -> RulesFault? {
        // With half of the operators or fewer, two disjoint groups of them could decide against each other.
        if 2 * operatorThresholdNumerator < operatorThresholdDenominator {
            return .operatorThresholdBelowHalf(operatorThresholdNumerator, operatorThresholdDenominator)
        }
        if nodeWeightMaximumQ30 < Rules.fairShareQ30(memberCount: memberCount) {
            return .nodeWeightBelowFairShare(maximumQ30: nodeWeightMaximumQ30, memberCount: memberCount)
        }
        if review == .approve, !(1...max(1, memberCount - 1)).contains(Int(approvals)) {
            return .approvalsOutOfRange(approvals, memberCount: memberCount)
        }
        if review == .approve, approvals > UInt32(Limits.readyReviews) { return .approvalsBeyondRecord(approvals) }
        if warmupSteps > scheduleSteps {
            return .warmupBeyondSchedule(warmupSteps: warmupSteps, scheduleSteps: scheduleSteps)
        }
        if minContributions > memberCount {
            return .minContributionsBeyondMembers(minContributions, memberCount: memberCount)
        }
        if innerOptimizer.isShared {
            guard case .topK = encoding else { return .denseSharedOptimizer }
            if scheduleSteps > Rules.sharedStepsMaximum { return .sharedScheduleTooLong(scheduleSteps) }
        }
        let named = contributionsNamed(memberCount: memberCount)
        if minContributions > named { return .minContributionsBeyondRecord(minContributions, named: named) }
        return nil
    }

    /// The share of one of so many equal members, in 1/2^30, rounded up.
    public static func fairShareQ30(memberCount: Int) -> UInt32 {
        UInt32((UInt64(Rules.oneQ30) + UInt64(memberCount) - 1) / UInt64(memberCount))
    }

    /// How many members' contributions a ready record has room for, with the approvals that each may need.
    public func contributionsNamed(memberCount: Int) -> Int {
        let slots = Limits.readySlots(memberCount: memberCount)
        guard review == .approve else { return slots }
        return max(1, min(slots, Limits.readyReviews / max(1, Int(approvals))))
    }
}

/// Why a mesh may not have certain rules.
public enum RulesFault: Error, Hashable, Sendable {
    /// Two disjoint groups of operators could each decide.
    case operatorThresholdBelowHalf(UInt32, UInt32)
    /// Even equal members would be cut.
    case nodeWeightBelowFairShare(maximumQ30: UInt32, memberCount: Int)
    /// Not between one and all others.
    case approvalsOutOfRange(UInt32, memberCount: Int)
    /// More than a ready record carries: nothing could ever be named.
    case approvalsBeyondRecord(UInt32)
    /// The learning rate would never reach its peak.
    case warmupBeyondSchedule(warmupSteps: UInt32, scheduleSteps: UInt32)
    /// More contributions than there are members: no version could ever list any.
    case minContributionsBeyondMembers(UInt32, memberCount: Int)
    /// More contributions than a ready record names: no version could ever list any.
    case minContributionsBeyondRecord(UInt32, named: Int)
    /// A shared optimizer takes transformed contributions, and dense ones have no transform.
    case denseSharedOptimizer
    /// More steps than the state of a shared optimizer counts.
    case sharedScheduleTooLong(UInt32)
    /// From or to a shared optimizer: the state of the versions before has no such part, or one that nothing would use.
    case optimizerOfAnotherKind(InnerOptimizer, InnerOptimizer)
}
