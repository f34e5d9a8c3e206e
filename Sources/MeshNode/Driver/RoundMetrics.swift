import Ledger

/// When the steps of a round came at this site, in milliseconds since its parent's adoption. Nil for steps that this
/// process did not see.
struct RoundTimes: Sendable, Equatable {
    /// The first contribution was here in whole.
    var firstContribution: UInt64?
    /// The last listed contribution was certified as available.
    var available: UInt64?
    /// A quorum was ready.
    var ready: UInt64?
    /// The certificate was complete.
    var certified: UInt64?
}

/// The course of the current round: when it began, its steps, and what the links had moved by then.
final class RoundMetrics {
    private var began: UInt64
    private var bytes: (received: UInt64, sent: UInt64) = (0, 0)
    private var times = RoundTimes()
    private var available: [ContributionDigest: UInt64] = [:]

    init(began: UInt64) { self.began = began }

    func noteHeld(now: UInt64) { times.firstContribution = times.firstContribution ?? since(now) }

    func noteAvailable(_ contribution: ContributionDigest, now: UInt64) { available[contribution] = since(now) }

    func noteReady(now: UInt64) { times.ready = since(now) }

    func noteCertified(now: UInt64) { times.certified = since(now) }

    private func since(_ now: UInt64) -> UInt64 { now > began ? now - began : 0 }

    struct Turn {
        let milliseconds: UInt64
        let received: UInt64
        let sent: UInt64
        let times: RoundTimes
    }

    /// Ends the round with the version that lists these contributions, and begins the next.
    func turn(
        now: UInt64, listing contributions: [ContributionDigest], bytes: (received: UInt64, sent: UInt64)
    ) -> Turn {
        times.available = contributions.compactMap { available[$0] }.max()
        defer {
            began = now
            self.bytes = bytes
            times = RoundTimes()
            available = [:]
        }
        return Turn(
            milliseconds: since(now), received: bytes.received &- self.bytes.received,
            sent: bytes.sent &- self.bytes.sent, times: times)
    }
}
