import ArgumentParser
import Ledger

/// Rules of training that were measured together, for a kind of network between the sites. Docs/training.md has the
/// measurement that the figures come from.
enum TrainingProfile: String, ExpressibleByArgument, CaseIterable {
    /// Sites in one building or on fast lines: short rounds.
    case lan
    /// Sites on the internet.
    case wan
    /// As few bytes as it goes.
    case thin
    /// One optimizer for all sites: an agreement for every step, and no drift between languages. For steps that take longer than an
    /// agreement, and long schedules.
    case shared

    /// What these rules cost and reach, for the founders. Preset `quick` of `Bench convergence`, seed 1.
    var summary: String {
        let (bytes, gapPercent) =
            switch self {
            case .lan: ("0.029", 9)
            case .wan: ("0.010", 14)
            case .thin: ("0.001", 27)
            case .shared: ("0.030", 3)
            }
        var rules = Rules()
        apply(to: &rules)
        guard case .topK(let kept, _) = rules.encoding else { preconditionFailure("every profile is sparse") }
        return
            "\(rules.innerSteps == 1 ? "a round for every step" : "rounds of \(rules.innerSteps) steps"), \(kept) of 4096 values; "
            + "measured with 4 sites and 0.25 M parameters: a contribution of \(bytes) bytes per parameter and step, a loss \(gapPercent) % "
            + "above synchronous training with the same optimizer. "
            + "Larger models want lower learning rates (Docs/training.md)"
    }

    /// The profile whose values these rules have; nil if a founder chose others.
    init?(_ rules: Rules) {
        let found = TrainingProfile.allCases.first { profile in
            var same = rules
            profile.apply(to: &same)
            return same == rules
        }
        guard let found else { return nil }
        self = found
    }

    /// Puts this profile's values in.
    func apply(to rules: inout Rules) {
        rules.averaging = .clipDedupMean
        rules.weights = .equal
        rules.batchSequences = 8
        rules.innerOptimizer = .muon
        rules.innerLearningRateNano = 4_000_000
        rules.outerLearningRateQ16 = 1 << 16
        rules.errorFeedbackQ16 = 58_982
        switch self {
        case .lan:
            rules.innerSteps = 5
            rules.encoding = .topK(kept: 1024, bits: 2)
            rules.muonLearningRateNano = 30_000_000
        case .wan:
            rules.innerSteps = 15
            rules.encoding = .topK(kept: 1024, bits: 2)
            rules.muonLearningRateNano = 20_000_000
        case .thin:
            rules.innerOptimizer = .adamW
            rules.innerSteps = 15
            rules.encoding = .topK(kept: 64, bits: 2)
            rules.errorFeedbackQ16 = 62_259
        case .shared:
            rules.innerOptimizer = .sharedAdamW
            rules.innerSteps = 1
            rules.encoding = .topK(kept: 128, bits: 2)
        }
    }
}
