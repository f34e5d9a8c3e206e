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
    ///
    /// - Parameter stepsBefore: the steps behind the state of a shared optimizer; without meaning under other rules.
    public init(_ rules: Rules, members: Int, stepsBefore: Int) {
        let step: OuterStep =
            rules.innerOptimizer.isShared
            ? .sharedAdamW(rateNano: SharedSchedule.rateNano(rules, stepsBefore: stepsBefore))
            : .add(rateQ16: rules.outerLearningRateQ16)
        let method: Method =
            switch rules.averaging {
            case .clipDedupMean: .mean
            case .clipNnmGm: .geometricMedian
            }
        self.init(members: members, step: step, method: method)
    }
}

extension ChunkTransform {
    /// The domain of contributions under `optimizer`.
    public init(_ optimizer: InnerOptimizer) { self = optimizer.isShared ? .hadamard : .identity }
}

extension StateRoots {
    /// What a version record says of this state.
    public init(_ file: ParameterFile) { self.init(file.tree) }

    public init(_ tree: StateTree) {
        self.init(parameters: tree.parameters.root, outer: tree.outer?.root ?? .zero)
    }
}

extension StateShape {
    /// What a version of this model holds under `optimizer`.
    public init(_ layout: ParameterLayout, _ optimizer: InnerOptimizer) {
        self.init(
            parameterCount: layout.parameterCount,
            outerCount: Int(optimizer.stateCount(parameterCount: UInt64(layout.parameterCount))))
    }
}
