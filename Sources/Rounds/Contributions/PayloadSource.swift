import Ledger
import Tensor

/// Where the payloads of contributions lie: the daemon's blobs, an exported ledger, a test's memory.
public protocol PayloadSource {
    /// The payload of a contribution, nil where it is not here.
    func payload(of contribution: ContributionDigest) -> (any PayloadReader)?
}

/// Payloads by digest in memory: for small models, the simulator and tests.
public struct MemoryPayloads: PayloadSource, Sendable {
    private var payloads: [ContributionDigest: MemoryPayload] = [:]

    public init() {}

    public mutating func insert(_ bytes: [UInt8], for contribution: ContributionDigest) {
        payloads[contribution] = MemoryPayload(bytes)
    }

    public func payload(of contribution: ContributionDigest) -> (any PayloadReader)? { payloads[contribution] }
}
