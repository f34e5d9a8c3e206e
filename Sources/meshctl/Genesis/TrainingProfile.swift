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

    /// What these rules cost and reach, for the founders. Preset `quick` of `Bench convergence`, seed 1.
    var summary: String {
        switch self {
        case .lan:
            "rounds of 5 steps, 1024 of 4096 values: 0.029 bytes sent per parameter and step, 10 % above synchronous"
        case .wan:
            "rounds of 15 steps, 1024 of 4096 values: 0.010 bytes sent per parameter and step, 15 % above synchronous"
        case .thin:
            "rounds of 15 steps, 64 of 4096 values: 0.001 bytes sent per parameter and step, 27 % above synchronous"
        }
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
        rules.innerOptimizer = .muon
        rules.muonLearningRateNano = 20_000_000
        rules.outerLearningRateQ16 = 1 << 16
        switch self {
        case .lan:
            rules.innerSteps = 5
            rules.encoding = .topK(kept: 1024, bits: 2)
        case .wan:
            rules.innerSteps = 15
            rules.encoding = .topK(kept: 1024, bits: 2)
        case .thin:
            rules.innerOptimizer = .adamW
            rules.innerSteps = 15
            rules.encoding = .topK(kept: 64, bits: 2)
        }
    }
}
