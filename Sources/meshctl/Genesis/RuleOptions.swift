import ArgumentParser
import Ledger
import SiteFiles

/// The rules that a founder may choose. A file gives any of them by their names in the ledger; options win over it.
struct RuleOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A file of rules, name = value, as genesis show prints them.", valueName: "file"))
    var rules: String?

    @Option(
        help: ArgumentHelp(
            "lan (short rounds), wan, thin (few bytes) or shared (one optimizer, an agreement for every step): optimizer, steps of a round and encoding (default: wan).",
            valueName: "name"))
    var profile: TrainingProfile?

    @Option(help: ArgumentHelp("Local steps of a round (default: the profile's).", valueName: "steps"))
    var innerSteps: UInt32?

    @Option(help: ArgumentHelp("Sequences of a local batch (default: 8).", valueName: "count"))
    var batchSequences: UInt32?

    @Option(help: ArgumentHelp("Local steps of the whole schedule (default: 2400).", valueName: "steps"))
    var scheduleSteps: UInt32?

    @Option(
        help: ArgumentHelp("Local steps of warm-up (default: 100, or a tenth of --schedule-steps).", valueName: "steps")
    )
    var warmupSteps: UInt32?

    @Option(
        help: ArgumentHelp(
            "adamw, muon for the layers' projections, or shared-adamw: one optimizer for all sites (default: the profile's).",
            valueName: "name"))
    var innerOptimizer: OptimizerName?

    @Option(
        name: .customLong("inner-lr"),
        help: ArgumentHelp("Peak local learning rate of AdamW (default: 0.004).", valueName: "rate"))
    var innerLearningRate: Double?

    @Option(
        name: .customLong("muon-lr"),
        help: ArgumentHelp("Peak local learning rate of Muon (default: the profile's).", valueName: "rate"))
    var muonLearningRate: Double?

    @Option(
        help: ArgumentHelp(
            "Share of what a contribution leaves unsent that the next one takes up, such as 0.9, 85% or 0 (default: the profile's).",
            valueName: "share"
        ))
    var errorFeedback: ShareOrNothing?

    @Option(name: .customLong("outer-lr"), help: ArgumentHelp("Outer learning rate (default: 1).", valueName: "rate"))
    var outerLearningRate: Double?

    @Option(help: ArgumentHelp("top-k, dense-float32 or dense-bfloat16 (default: the profile's).", valueName: "name"))
    var encoding: EncodingName?

    @Option(help: ArgumentHelp("Values that top-k keeps of each 4096 (default: the profile's).", valueName: "count"))
    var kept: UInt32?

    @Option(help: ArgumentHelp("Bits of a kept value: 1, 2, 4 or 8 (default: 2).", valueName: "bits"))
    var bits: UInt32?

    @Option(help: ArgumentHelp("Bytes of a piece, 1024 to 1048576 (default: 262144).", valueName: "bytes"))
    var pieceBytes: UInt32?

    @Option(help: ArgumentHelp("Versions that a contribution may be late (default: 1).", valueName: "count"))
    var maxStaleness: UInt32?

    @Option(
        help: ArgumentHelp(
            "Contributions that a version must list at least, or it lists none (default: more than half of the members).",
            valueName: "count"))
    var minContributions: UInt32?

    @Option(
        help: ArgumentHelp(
            "Largest share of one member in a version, such as 50%, 0.5 or 1/2 (default: 50%, with up to two members 100%).",
            valueName: "share"))
    var nodeWeightMaximum: Share?

    @Option(help: ArgumentHelp("Versions that contributions are kept (default: 1024).", valueName: "count"))
    var retentionVersions: UInt32?

    enum OptimizerName: String, ExpressibleByArgument, CaseIterable {
        case adamw, muon
        case sharedAdamW = "shared-adamw"
    }

    enum EncodingName: String, ExpressibleByArgument, CaseIterable {
        case topK = "top-k"
        case denseFloat32 = "dense-float32"
        case denseBFloat16 = "dense-bfloat16"
    }

    /// The rules for a mesh that is founded by so many members.
    ///
    /// - Parameter base: what holds where neither file nor option says otherwise, nil for the defaults. Its
    ///   `minContributions` does not: that follows from the number of members, and so does a cap below their fair share.
    func resolved(from base: Rules? = nil, memberCount: Int) throws -> Rules {
        let defaults = RuleOptions.defaults(memberCount: memberCount)
        var start = base ?? defaults
        // Fewer members than the old mesh had cannot all keep below its cap.
        if start.nodeWeightMaximumQ30 < Rules.fairShareQ30(memberCount: memberCount) {
            start.nodeWeightMaximumQ30 = defaults.nodeWeightMaximumQ30
        }
        if let profile { profile.apply(to: &start) }
        var fields = RuleFields(start)
        var isMinimumChosen = minContributions != nil
        var isWarmupChosen = warmupSteps != nil
        if let rules {
            for entry in try Settings(path: rules).entries {
                if entry.name == "min_contributions" { isMinimumChosen = true }
                if entry.name == "warmup_steps" { isWarmupChosen = true }
                do {
                    try fields.set(entry.name, entry.value)
                } catch {
                    throw SiteFileError(rules, line: entry.line, "\(error)")
                }
            }
        }
        func set(_ name: String, _ value: UInt32?) { if let value { fields[name] = .unsigned(UInt64(value)) } }
        set("inner_steps", innerSteps)
        set("batch_sequences", batchSequences)
        set("schedule_steps", scheduleSteps)
        set("warmup_steps", warmupSteps)
        // A short schedule has a short warm-up.
        if !isWarmupChosen { set("warmup_steps", scheduleSteps.map { min(100, max(1, $0 / 10)) }) }
        if let innerOptimizer { fields["inner_optimizer"] = .text(innerOptimizer.rawValue) }
        set(
            "muon_learning_rate_nano",
            try muonLearningRate.map { try RuleOptions.fixed($0, 1e9, through: 1, "--muon-lr") })
        set("error_feedback_q16", errorFeedback.map { $0.valueQ30 >> 14 })
        set(
            "inner_learning_rate_nano",
            try innerLearningRate.map { try RuleOptions.fixed($0, 1e9, through: 1, "--inner-lr") })
        set(
            "outer_learning_rate_q16",
            try outerLearningRate.map { try RuleOptions.fixed($0, 65_536, through: 64, "--outer-lr") })
        set("piece_bytes", pieceBytes)
        set("max_staleness", maxStaleness)
        set("min_contributions", minContributions)
        set("node_weight_maximum_q30", nodeWeightMaximum?.valueQ30)
        set("retention_versions", retentionVersions)
        var result = try fields.rules()
        result.encoding = try chosenEncoding(result.encoding)
        if !isMinimumChosen {
            let named = result.contributionsNamed(memberCount: memberCount)
            result.minContributions = UInt32(min(RuleOptions.majority(of: memberCount), named))
        }
        return try RuleFields(result).rules()
    }

    /// One member may have half of a step, and with up to two members all of it.
    private static func defaults(memberCount: Int) -> Rules {
        var rules = Rules()
        TrainingProfile.wan.apply(to: &rules)
        if memberCount > 2 { rules.nodeWeightMaximumQ30 = Rules.oneQ30 / 2 }
        return rules
    }

    /// More than half of the members, so at least one honest member. Never more than n - f, so f members that stop
    /// contributing stop nobody.
    private static func majority(of memberCount: Int) -> Int { memberCount / 2 + 1 }

    private func chosenEncoding(_ current: Encoding) throws -> Encoding {
        let hasCounts = kept != nil || bits != nil
        if let kept, !(1...4096).contains(kept) { throw Failure("--kept \(kept): it is 1 to 4096") }
        if let bits, !Encoding.topKBits.contains(bits) { throw Failure("--bits \(bits): it is 1, 2, 4 or 8") }
        switch (encoding, current) {
        case (.denseFloat32, _), (.denseBFloat16, _):
            guard !hasCounts else { throw Failure("--kept and --bits belong to --encoding top-k") }
            return encoding == .denseFloat32 ? .denseFloat32 : .denseBFloat16
        case (_, .topK(let oldKept, let oldBits)): return .topK(kept: kept ?? oldKept, bits: bits ?? oldBits)
        case (nil, _) where !hasCounts: return current
        case (nil, _), (.topK, _): return .topK(kept: kept ?? 64, bits: bits ?? 2)
        }
    }

    private static func fixed(_ value: Double, _ one: Double, through most: Double, _ name: String) throws -> UInt32 {
        let scaled = (value * one).rounded()
        guard scaled >= 1, scaled <= most * one else {
            throw Failure("\(name) \(value): it is above 0, in steps of 1/\(Int(one)), and at most \(Int(most))")
        }
        return UInt32(scaled)
    }
}
