import Crypto
import Ledger

/// What a version's roots are. The simulator's own stands in for the arithmetic; `Rounds` can be put in its place.
public protocol RoundWork: Sendable {
    /// The roots after averaging `manifest` on top of the state under `parent`. A pure function; an empty manifest
    /// changes nothing.
    func roots(parent: StateRoots, manifest: [ManifestEntry]) -> StateRoots
}

/// Roots that depend on everything that an averaging depends on, without any tensor.
public struct StubRounds: RoundWork {
    private static let domain = DigestDomain("mesh/sim-round")

    public init() {}

    public func roots(parent: StateRoots, manifest: [ManifestEntry]) -> StateRoots {
        if manifest.isEmpty { return parent }
        var bytes = parent.parameters.bytes
        for entry in manifest { bytes += entry.encoded }
        return StateRoots(parameters: Digest(StubRounds.domain, bytes), outer: parent.outer)
    }
}
