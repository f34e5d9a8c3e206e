import Gossip
import Ledger

/// How fast a calm cluster certifies versions, all in simulated time: with all members up, and with some of them down.
public struct Pace: Sendable {
    public let nodes: Int
    public let down: Int
    public let versions: UInt64
    /// Mean milliseconds per version with all members up.
    public let upMilliseconds: UInt64
    /// The same with `down` members down.
    public let downMilliseconds: UInt64
    /// How many views were led by members that are down, before the first view of each height that was not.
    public let deadLeaders: UInt64
    /// How many views failed.
    public let failedViews: UInt64
    /// The timer of view 1, in milliseconds, while decisions are faster than it allows for.
    public let viewMilliseconds: UInt64
    public let violations: [Violation]

    /// The most that a version may take on average: three times as long as with all members up, and one view timer for
    /// each leader that is down.
    public var limitMilliseconds: UInt64 { 3 * upMilliseconds + viewMilliseconds * deadLeaders / max(1, versions) }

    public var holds: Bool {
        violations.isEmpty && failedViews == deadLeaders && downMilliseconds <= limitMilliseconds
    }

    /// Runs both clusters. All living members train.
    ///
    /// - Parameter down: how many members are down, at most f.
    public init(nodes: Int, down: Int, versions: UInt64, seed: UInt64) {
        precondition(versions > 0, "a pace is measured over versions")
        let up = Cluster(.calm(nodes: nodes, contributors: nodes, seed: seed))
        let upOutcome = up.run(versions: versions)
        let less = Cluster(.calm(nodes: nodes, contributors: nodes - down, down: down, seed: seed))
        let downOutcome = less.run(versions: versions)
        self.nodes = nodes
        self.down = down
        self.versions = versions
        upMilliseconds = upOutcome.duration.milliseconds / versions
        downMilliseconds = downOutcome.duration.milliseconds / versions
        viewMilliseconds = less.options.timing.viewInitial
        violations = upOutcome.violations + downOutcome.violations
        var (dead, failed): (UInt64, UInt64) = (0, 0)
        for height in 1...versions {
            let leaders = LeaderOrder(
                network: less.genesis.network, height: Height(height), memberCount: nodes)
            var view = View.first
            while leaders.leader(of: view) >= nodes - down {
                dead += 1
                view = view.next
            }
            failed += UInt64((less.decidedViews[height] ?? 1) - 1)
        }
        deadLeaders = dead
        failedViews = failed
    }
}
