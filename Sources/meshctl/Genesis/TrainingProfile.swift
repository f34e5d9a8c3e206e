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
