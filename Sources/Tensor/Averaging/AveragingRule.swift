/// One line of a manifest, as averaging sees it.
public struct AveragingEntry: Sendable {
    public let contribution: Contribution
    /// The weight that the version record names, in 2^30ths of an equal share: at most the number of entries.
    public let weightQ30: UInt64

    public init(contribution: Contribution, weightQ30: UInt64 = UInt64(FixedPoint.oneQ30)) {
        self.contribution = contribution
        self.weightQ30 = weightQ30
    }
}

/// The rule `clip-dedup-mean` and its numbers (Docs/averaging.md). Fixed by the rules of a network.
public struct AveragingRule: Hashable, Sendable {
    /// Factor of the outer step in 65,536ths: at most 2^24 (a factor of 256), so that float32 holds it exactly.
    public let outerLearningRateQ16: UInt32

    public init(outerLearningRateQ16: UInt32) {
        precondition(outerLearningRateQ16 <= 1 << 24)
        self.outerLearningRateQ16 = outerLearningRateQ16
    }

    /// An outer learning rate of 4: top-k picks nearly disjoint coordinates, so dividing by the number of members
    /// shrinks the step.
    public static let standard = AveragingRule(outerLearningRateQ16: 4 << 16)

    /// Exact.
    var outerLearningRate: Float { Float(outerLearningRateQ16) / 65_536 }
}

/// Why averaging stopped. None of these is an opinion about a contribution that was validated: they mean that stored
/// data changed or cannot be read, or that the sum left the range of float32.
public enum AveragingError: Error, Hashable, Sendable {
    /// The contribution at this place of the manifest does not decode.
    case contribution(entry: Int, CodecError)
    case file(ParameterFileError)
    /// The outer step gave an infinity or not-a-number in this block.
    case nonFinite(block: Int)
}
