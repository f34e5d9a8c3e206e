import Ledger
import Tensor

/// What lies behind a version in which a replayed state takes over: whoever checks it makes that part of the history
/// anew. Everything that comes from here was checked when it was the head.
public protocol ReplayHistory {
    /// The parameters of a version; nil where they were not kept.
    func parameters(at height: Height) -> ParameterFile?
    /// A version with its payloads; nil where it was not kept.
    func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)?
}

/// Nothing was kept: a chain that holds a switch cannot be recomputed with it.
public struct NoHistory: ReplayHistory, Sendable {
    public init() {}
    public func parameters(at height: Height) -> ParameterFile? { nil }
    public func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)? { nil }
}

/// Which parameters and versions an auditor must keep on its way from version 0, and for how long: exactly those that
/// the switches of the ledger reach back to. Filled by a first pass over the records, which reads no tensor.
public struct ReplayNeeds: Sendable {
    private struct Span: Sendable {
        /// The version whose parameters the replay begins with.
        let start: Height
        let switched: Height
    }

    private var spans: [Span] = []

    public init() {}

    /// Notes the next version.
    ///
    /// - Parameter chain: before it.
    public mutating func note(_ certified: CertifiedVersion, after chain: Chain) {
        guard chain.isSwitch(certified.embedded), let first = chain.governance.replayFrom else { return }
        spans.append(Span(start: Height(first.value - 1), switched: certified.height))
    }

    /// Whether the parameters of the version at `height` are needed once `head` is the last version that was recomputed.
    public func keepsParameters(at height: Height, head: Height) -> Bool {
        spans.contains { $0.start == height && head < $0.switched }
    }

    /// Whether the version at `height` with its payloads is.
    public func keepsVersion(at height: Height, head: Height) -> Bool {
        spans.contains { $0.start < height && height < $0.switched && head < $0.switched }
    }
}
