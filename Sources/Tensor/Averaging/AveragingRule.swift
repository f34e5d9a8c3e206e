import System

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

/// How contributions are averaged, and the numbers of it (Docs/averaging.md). Fixed by the rules of a network and its
/// members.
public struct AveragingRule: Hashable, Sendable {
    public enum Method: Hashable, Sendable {
        /// `clip-dedup-mean`.
        case mean
        /// `clip-nnm-gm`: contributions that have few near ones weigh less.
        case geometricMedian
    }

    public let method: Method
    /// Each coordinate's sum is divided by the number of those who sent it, and by this at least. It is f + 1, so that one who
    /// alone sends a coordinate has no more than a share in it, and f together less than all of it.
    public let sendersMinimum: Int
    public let step: OuterStep

    /// - Parameter sendersMinimum: 1 to 4096.
    public init(sendersMinimum: Int, step: OuterStep, method: Method = .mean) {
        precondition((1...4096).contains(sendersMinimum))
        precondition(step.isValid)
        self.method = method
        self.sendersMinimum = sendersMinimum
        self.step = step
    }

    /// - Parameter members: of the network, at least 1: f is the largest number below a third of it.
    public init(members: Int, step: OuterStep, method: Method = .mean) {
        self.init(sendersMinimum: (members - 1) / 3 + 1, step: step, method: method)
    }
}

/// Why averaging stopped. None of these is an opinion about a contribution that was validated: they mean that stored
/// data changed or cannot be read, or that the sum left the range of float32.
public enum AveragingError: Error, Hashable, Sendable {
    /// The contribution at this place of the manifest does not decode.
    case contribution(entry: Int, CodecError)
    case file(FileError)
    /// The outer step gave an infinity or not-a-number in this block.
    case nonFinite(block: Int)
}
