import Ledger
import Tensor

extension CodecProfile {
    /// How the codec writes what the rules call `encoding`.
    public init(_ encoding: Encoding) {
        switch encoding {
        case .topK(let kept, let bits): self = .topK(kept: Int(kept), bits: Int(bits))
        case .denseFloat32: self = .denseFloat32
        case .denseBFloat16: self = .denseBFloat16
        }
    }
}

extension Encoding {
    /// How the rules name what the codec calls `profile`.
    public init(_ profile: CodecProfile) {
        precondition(profile.isValid)
        switch profile {
        case .topK(let kept, let bits): self = .topK(kept: UInt32(kept), bits: UInt32(bits))
        case .denseFloat32: self = .denseFloat32
        case .denseBFloat16: self = .denseBFloat16
        }
    }
}

extension ErrorFeedback {
    /// What the rules keep of what a contribution left unsent.
    public init(_ rules: Rules) { self.init(decayQ16: rules.errorFeedbackQ16) }
}

extension Tensor.AveragingRule {
    /// The averaging that `rules` ask for, in a network of so many members.
    public init(_ rules: Rules, members: Int) {
        let method: Method =
            switch rules.averaging {
            case .clipDedupMean: .mean
            case .clipNnmGm: .geometricMedian
            }
        self.init(members: members, step: .add(rateQ16: rules.outerLearningRateQ16), method: method)
    }
}
