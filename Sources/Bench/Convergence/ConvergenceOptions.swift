import ArgumentParser
import Foundation
import Model
import Tensor

/// What a comparison trains, and by which rules.
struct ConvergenceOptions: ParsableArguments {
    enum Preset: String, ExpressibleByArgument, CaseIterable {
        case quick, small, reference

        /// Shape of the model, languages, and steps of each site.
        var scale: (shape: ModelPreset, languages: String, steps: Int) {
            switch self {
            case .quick: (.tiny, "de,fr,es,pl", 450)
            case .small: (.small, "de,fr,es,pl", 1800)
            case .reference: (.base, "de,fr,es,pl,nl,ro,pt-br,ru", 1800)
            }
        }
    }

    enum Shape: String, ExpressibleByArgument, CaseIterable {
        case tiny, small, medium, base, large
    }

    enum Inner: String, ExpressibleByArgument, CaseIterable {
        case adamw, muon
    }

    @Option(
        help:
            "quick: 0.25 M parameters, 450 steps. small: 1 M parameters, 1800 steps. reference: 10.7 M parameters, 8 languages, 1800 steps: hours a method on two cores."
    )
    var preset = Preset.quick
    @Option(help: "Shape of the model in place of the preset's.") var shape: Shape?
    @Option(help: "Languages, one a site; the preset's where not given.") var languages: String?
    @Option(help: "A directory of UTF-8 text, one a site; may be repeated. In place of --languages.")
    var text: [String] = []
    @Option(help: "Bytes of training text of each site, 0 for all.") var textLimit = 0
    @Option(help: "Bytes of held-out text of each site that are measured.") var heldOutLimit = 65_536
    @Option(help: "Optimizer steps of each site.") var steps: Int?
    @Option(help: "Sequences in a batch.") var batch = 8
    @Option(help: "Peak learning rate of AdamW.") var learningRate = 0.004
    @Option(help: "The inner optimizer.") var inner = Inner.muon
    @Option(help: "Peak learning rate of Muon.") var muonRate = 0.02
    @Option(help: "Local steps of a round.") var innerSteps = 15
    @Option(help: "Values kept of 4096; 0 for dense float32, or bfloat16 with --bits 16.") var kept = 1024
    @Option(help: "Bits of a kept value.") var bits = 2
    @Option(help: "Share of what was not sent that is kept for the next contribution.") var feedback = 0.95
    @Option(help: "Outer learning rate.") var outerRate = 1.0
    @Option(help: "What each coordinate is divided by at least; f + 1 where not given.") var divisor: Int?
    @Option(help: "Steps that each site takes ahead of the next base, while contributions travel.") var stepsAhead = 0
    @Option(
        help:
            "Speed of each site as a multiple of the slowest, 1 to 16, separated by commas; the last holds for further sites."
    )
    var speeds = "1"
    @Option(help: "How contributions are averaged.") var averaging = Averaging.clipDedupMean

    enum Averaging: String, ExpressibleByArgument, CaseIterable {
        case clipDedupMean = "clip-dedup-mean"
        case clipNnmGm = "clip-nnm-gm"
    }

    func validate() throws {
        guard (steps ?? 1) >= 1, innerSteps >= 1, batch >= 1 else {
            throw ValidationError("--steps, --inner-steps and --batch are at least 1")
        }
        guard textLimit >= 0, heldOutLimit >= 1 else {
            throw ValidationError("--text-limit is at least 0, --held-out-limit at least 1")
        }
        guard averaging == .clipDedupMean || divisor == nil else {
            throw ValidationError("--divisor says how many may fail too: it does not go with --averaging clip-nnm-gm")
        }
        guard profile.isValid else {
            throw ValidationError("--kept and --bits: the codec has no such profile")
        }
        guard learningRate > 0, learningRate <= 1, muonRate > 0 else {
            throw ValidationError("--learning-rate is above 0 and at most 1, --muon-rate above 0")
        }
        guard (0...1).contains(feedback) else { throw ValidationError("--feedback is 0 to 1") }
        guard (0...256).contains(outerRate) else { throw ValidationError("--outer-rate is 0 to 256") }
        guard (0...innerSteps).contains(stepsAhead) else {
            throw ValidationError("--steps-ahead is 0 to --inner-steps")
        }
        guard !siteSpeeds.isEmpty, siteSpeeds.allSatisfy({ (1...16).contains($0) }),
            siteSpeeds.count == speeds.split(separator: ",").count
        else { throw ValidationError("--speeds takes whole numbers from 1 to 16, separated by commas") }
        guard (1...4096).contains(divisor ?? 1) else { throw ValidationError("--divisor is 1 to 4096") }
    }

    private var configuration: ModelConfiguration {
        let chosen = shape.flatMap { ModelPreset(rawValue: $0.rawValue) }
        return (chosen ?? preset.scale.shape).configuration
    }

    /// The sites' texts, read once for all seeds.
    func sites() throws -> [SiteText] {
        let languages = (languages ?? preset.scale.languages).split(separator: ",").map(String.init)
        let directories = text.isEmpty ? try ConvergenceTexts.directories(languages: languages) : text
        return try directories.map {
            try ConvergenceTexts.read(
                $0, configuration: configuration, trainingLimit: textLimit == 0 ? nil : textLimit,
                heldOutLimit: heldOutLimit)
        }
    }

    func setting(_ sites: [SiteText], seed: UInt64) -> ConvergenceSetting {
        let steps = steps ?? preset.scale.steps
        return ConvergenceSetting(
            layout: ModelLayout(configuration), sites: sites, steps: steps, batchSequences: batch, peak: learningRate,
            warmUpSteps: min(100, steps / 10), optimizer: inner == .adamw ? .adamW : .muon(peak: muonRate), seed: seed,
            points: 15)
    }

    private var siteSpeeds: [Int] { speeds.split(separator: ",").compactMap { Int($0) } }

    private var profile: CodecProfile {
        guard kept == 0 else { return .topK(kept: kept, bits: bits) }
        return bits == 16 ? .denseBFloat16 : .denseFloat32
    }

    /// The rules of the mesh.
    func rules(siteCount: Int) -> MeshRules {
        MeshRules(
            innerSteps: innerSteps, stepsAhead: stepsAhead, speeds: siteSpeeds, profile: profile,
            feedback: ErrorFeedback(decayQ16: UInt32((feedback * 65_536).rounded())),
            averaging: AveragingRule(
                sendersMinimum: divisor ?? (siteCount - 1) / 3 + 1,
                step: .add(rateQ16: UInt32((outerRate * 65_536).rounded())),
                method: averaging == .clipNnmGm ? .geometricMedian : .mean))
    }
}

/// What the members of a mesh agree on, as far as it makes a difference to training.
struct MeshRules: Sendable {
    let innerSteps: Int
    /// Of a round's steps, those that are taken before its base is there.
    let stepsAhead: Int
    /// How many times the steps of a round each site takes; the last holds for all further ones.
    let speeds: [Int]
    let profile: CodecProfile
    let feedback: ErrorFeedback
    let averaging: AveragingRule

    func speed(ofSite site: Int) -> Int { speeds[min(site, speeds.count - 1)] }

    /// Of a round's steps, those that a site takes before its base is there: all for which it has the time, if it is faster than the
    /// rounds (`Lead.stepsOnBase`).
    ///
    /// - Parameter steps: of a site at the pace of the rounds.
    func stepsAhead(ofSite site: Int, in steps: Int) -> Int {
        let own = speed(ofSite: site) * steps
        guard speed(ofSite: site) > 1 else { return min(stepsAhead, own) }
        return (0...own).last { $0 + Lead.stepsOnBase(after: $0, innerSteps: innerSteps) <= own } ?? 0
    }
}
