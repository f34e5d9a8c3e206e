import Crypto
import EventLoop
import Gossip
import Ledger
import Link

/// Whom to connect to, and when again: the configured peers and the announced addresses of members, with backoff.
///
/// A state machine without input and output: the transport dials what `due` gives and reports how it went.
struct Dialer {
    /// An address on somebody's word. Anybody may announce any address, so what one member announces says nothing about
    /// the same address on another's word or in the configuration.
    struct Source: Hashable, Comparable {
        let address: String
        /// Nil where the address stands in the configuration.
        let announcer: MemberID?

        static func < (left: Source, right: Source) -> Bool {
            guard left.address == right.address else { return left.address < right.address }
            guard let announcer = right.announcer else { return false }
            return left.announcer.map { $0 < announcer } ?? true
        }
    }

    struct Target: Equatable {
        let source: Source
        /// Whom it leads to: who announced it; for a configured address who answered there last.
        var member: MemberID?
        var failures = 0
        var next = Link.Instant(milliseconds: 0)
        /// It leads back to this node.
        var isOwn = false
        /// Whether the member that announced it ever answered there.
        var isProven = false
        /// Whether the next dial begins with the keys that a rotation would give this site.
        var usesNextKeys = false
        var lastError: String?
        var lastErrorAt: Link.Instant?

        var address: String { source.address }
        /// It stands in the configuration: it is never forgotten, and whoever answers is welcome.
        var isConfigured: Bool { source.announcer == nil }
        /// Who must answer.
        var expected: MemberID? { source.announcer }
    }

    /// How many first dials a member's announcements may still cause: anybody's address can be announced, so that who is
    /// dialled need not have asked for it.
    private struct Allowance {
        var dials = TransportLimits.announcedDialsMaximum
        var since: Link.Instant

        /// Takes one where there is one. They come back one by one.
        mutating func take(now: Link.Instant) -> Bool {
            let back = now.since(since) / TransportLimits.announcedDialMilliseconds
            since = since + back * TransportLimits.announcedDialMilliseconds
            dials = min(TransportLimits.announcedDialsMaximum, dials + Int(clamping: back))
            guard dials > 0 else { return false }
            dials -= 1
            return true
        }
    }

    private(set) var targets: [Source: Target] = [:]
    private var allowances: [MemberID: Allowance] = [:]
    /// What is being dialled now, forgotten targets included: it bounds the connections that are under way.
    private(set) var dialling: Set<Source> = []
    private var random: SeededRandom

    init(configured: [String], random: SeededRandom) {
        self.random = random
        for address in configured {
            let source = Source(address: address, announcer: nil)
            targets[source] = Target(source: source)
        }
    }

    /// A member announced where it can be reached.
    mutating func set(_ addresses: [String], of member: MemberID, now: Link.Instant) {
        targets = targets.filter { $0.key.announcer != member || addresses.contains($0.key.address) }
        for address in addresses {
            let source = Source(address: address, announcer: member)
            guard targets[source] == nil else { continue }
            // Behind whoever waits for its turn already, so that new announcements take nobody's.
            targets[source] = Target(source: source, member: member, next: now)
        }
    }

    /// Forgets announced addresses of whoever may have no link any more.
    mutating func retain(_ mayHaveLink: (MemberID) -> Bool) {
        targets = targets.filter { $0.key.announcer.map(mayHaveLink) ?? true }
        allowances = allowances.filter { mayHaveLink($0.key) }
    }

    /// Makes every address due that is not being dialled.
    mutating func dialAgain() {
        for source in targets.keys where !dialling.contains(source) {
            targets[source]?.failures = 0
            targets[source]?.next = Link.Instant(milliseconds: 0)
        }
    }

    /// The addresses to dial now, those that wait longest first; they count as being dialled from here on.
    mutating func due(now: Link.Instant, isLinked: (MemberID) -> Bool) -> [Target] {
        var due: [Target] = []
        let waiting = targets.values.filter { !$0.isOwn && $0.next <= now && !dialling.contains($0.source) }
        for target in waiting.sorted(by: { ($0.next, $0.source) < ($1.next, $1.source) }) {
            guard dialling.count < TransportLimits.dialsMaximum else { break }
            if let member = target.member, isLinked(member) { continue }
            guard !isBeingReached(target), isAllowed(target, now: now) else { continue }
            dialling.insert(target.source)
            due.append(target)
        }
        return due
    }

    /// An announced address that never led to its member costs one of the member's first dials; repeated ones wait longer and
    /// longer by themselves.
    private mutating func isAllowed(_ target: Target, now: Link.Instant) -> Bool {
        guard let announcer = target.source.announcer, !target.isProven, target.failures == 0 else { return true }
        return allowances[announcer, default: Allowance(since: now)].take(now: now)
    }

    /// Whether a dial that is under way leads to the same member at the same address: of two links one would go again.
    private func isBeingReached(_ target: Target) -> Bool {
        if !target.isConfigured { return dialling.contains(Source(address: target.address, announcer: nil)) }
        return target.member.map { dialling.contains(Source(address: target.address, announcer: $0)) } ?? false
    }

    mutating func succeeded(_ source: Source, _ member: MemberID) {
        dialling.remove(source)
        targets[source]?.failures = 0
        targets[source]?.member = member
        targets[source]?.isProven = true
        targets[source]?.lastError = nil
    }

    /// - Parameter isRefused: the other side does not know the keys that the dial began with: it may know the next.
    mutating func failed(_ source: Source, _ error: String, isRefused: Bool = false, now: Link.Instant) {
        dialling.remove(source)
        guard let target = targets[source] else { return }
        targets[source]?.lastError = error
        targets[source]?.lastErrorAt = now
        targets[source]?.failures = min(target.failures + 1, 16)
        if isRefused { targets[source]?.usesNextKeys.toggle() }
        let next = now + delay(failures: target.failures)
        targets[source]?.next = next
    }

    mutating func isOwn(_ source: Source) {
        dialling.remove(source)
        targets[source]?.isOwn = true
        targets[source]?.lastError = nil
    }

    /// A link that stood is gone: try again soon, and not at the same moment as the other side.
    mutating func lost(_ member: MemberID, now: Link.Instant) {
        for source in targets.keys.sorted() where targets[source]?.member == member {
            targets[source]?.failures = 0
            let next = now + delay(failures: 0)
            targets[source]?.next = next
        }
    }

    /// Ascending, each once.
    func addresses(of member: MemberID) -> [String] {
        Set(targets.values.filter { $0.member == member }.map(\.address)).sorted()
    }

    func isDialling(_ member: MemberID) -> Bool {
        dialling.contains { targets[$0]?.member == member }
    }

    /// The last error on any address of the member.
    func error(of member: MemberID) -> String? {
        failedTarget(of: member).flatMap { target in target.lastError.map { "\(target.address): \($0)" } }
    }

    func failedTarget(of member: MemberID) -> Target? {
        targets.values.filter { $0.member == member && $0.lastError != nil }.min { $0.source < $1.source }
    }

    /// Doubles up to the longest, then a random half of it.
    private mutating func delay(failures: Int) -> UInt64 {
        let full = min(
            TransportLimits.backoffMaximumMilliseconds, TransportLimits.backoffFirstMilliseconds << UInt64(failures))
        return UInt64.random(in: full / 2...full, using: &random)
    }
}
