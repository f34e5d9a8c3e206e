import Crypto
import Ledger

/// A member of the mesh without its input and output: events go in, actions come out.
///
/// The daemon and the simulator drive this very class. It never sleeps, reads a clock, opens a file or lets the order
/// of a Set or Dictionary be seen.
public final class Node {
    public let identity: NodeIdentity
    public private(set) var chain: Chain
    let timing: Timing
    let verifier: Verifier
    var random: SeededRandom

    public init(
        identity: NodeIdentity, timing: Timing, recovered: Recovered, verifier: Verifier, random: SeededRandom
    ) {
        self.identity = identity
        self.timing = timing
        self.verifier = verifier
        self.random = random
        chain = recovered.chain
    }

    /// Takes one event and appends what is to be done about it to `actions`, in order.
    public func handle(_ event: Event, now: Instant, into actions: inout [Action]) {
    }

    /// What this node is doing now.
    public func report(now: Instant) -> NodeReport {
        NodeReport(
            height: chain.height, head: chain.headDigest, view: .first, phase: .gathering, waits: [], candidates: [],
            linkedMembers: [], highestClaimed: chain.height, alarms: [])
    }
}
