import Ledger
import Link

/// How many signature checks each peer has failed lately.
///
/// Honest nodes check what they pass on, so most false signatures close the link at once. Some come in good faith: a
/// key of before or after a rotation, from a peer at another height. Those are passed over, but each costs its sender,
/// or forged ones would be free. Counted per member and not per link: a new link does not begin anew.
struct CheckBudgets {
    private struct Failures {
        var count: Int
        /// Up to when failures were forgiven.
        var forgiven: Instant
    }

    private var failures: [MemberID: Failures] = [:]
    /// All that were charged since the start, to whomever.
    fileprivate var charged = 0

    /// Failures that a peer may have outstanding: of each member two records, by keys of before and after a rotation,
    /// and some more.
    static func limit(memberCount: Int) -> Int { 64 + 2 * memberCount }

    /// Adds failures. One is forgiven per interval.
    mutating func charge(_ count: Int, to member: MemberID, now: Instant, forgivingEvery interval: UInt64) {
        var entry = current(member, now: now, forgivingEvery: interval) ?? Failures(count: 0, forgiven: now)
        entry.count += count
        failures[member] = entry
        charged += count
    }

    /// Failures of a member that are not forgiven yet.
    func count(of member: MemberID, now: Instant, forgivingEvery interval: UInt64) -> Int {
        current(member, now: now, forgivingEvery: interval)?.count ?? 0
    }

    /// Drops members all of whose failures are forgiven.
    mutating func forgive(now: Instant, every interval: UInt64) {
        failures = failures.filter { current($0.key, now: now, forgivingEvery: interval) != nil }
    }

    private func current(_ member: MemberID, now: Instant, forgivingEvery interval: UInt64) -> Failures? {
        guard var entry = failures[member] else { return nil }
        let elapsed = now.since(entry.forgiven) / max(1, interval)
        guard elapsed < UInt64(entry.count) else { return nil }
        entry.count -= Int(elapsed)
        entry.forgiven = entry.forgiven + elapsed * max(1, interval)
        return entry
    }
}

extension Node {
    /// How many signatures this node has computed: the dearest work that a message causes.
    public var signaturesComputed: UInt64 { verifier.computed }

    /// Deals with a message and charges every signature in it that does not verify to the peer that sent it. Beyond its
    /// budget the link is closed.
    func chargingFailures(to link: LinkID, _ handle: () -> Void) {
        guard let member = links[link]?.member else { return handle() }
        chargingFailures(to: member, handle)
    }

    /// The same for a part of a message that another member answers for than the peer that passed it on: the peer is
    /// not charged for it.
    func chargingFailures(to member: MemberID, _ handle: () -> Void) {
        let (failedBefore, chargedBefore) = (verifier.failed, checks.charged)
        handle()
        let failed = Int(clamping: verifier.failed - failedBefore) - (checks.charged - chargedBefore)
        guard failed > 0 else { return }
        checks.charge(failed, to: member, now: now, forgivingEvery: timing.antiEntropyInterval)
        if let link = links.link(to: member), !mayFail(link) { cutOff(link, .tooManyFailedChecks) }
    }

    /// Whether the peer has not used up its budget.
    func mayFail(_ link: LinkID) -> Bool {
        guard let member = links[link]?.member else { return false }
        return checks.count(of: member, now: now, forgivingEvery: timing.antiEntropyInterval)
            <= CheckBudgets.limit(memberCount: chain.members.count)
    }
}
