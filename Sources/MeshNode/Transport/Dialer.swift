import Crypto
import EventLoop
import Gossip
import Ledger

/// Whom to connect to, and when again: the configured peers and the announced addresses of members, with backoff.
///
/// A state machine without input and output: the transport dials what `due` gives and reports how it went.
struct Dialer {
    struct Target: Equatable {
        let address: String
        /// Stands in the configuration: it is never forgotten.
        var isConfigured: Bool
        /// Who announced it, or who answered there.
        var member: MemberID?
        /// The member must be this one; for configured addresses whoever answers is welcome.
        var expected: MemberID?
        var failures = 0
        var next = Gossip.Instant(milliseconds: 0)
        var isDialling = false
        /// It leads back to this node.
        var isOwn = false
        var lastError: String?
    }

    private(set) var targets: [String: Target] = [:]
    private var random: SeededRandom

    init(configured: [String], random: SeededRandom) {
        self.random = random
        for address in configured { targets[address] = Target(address: address, isConfigured: true) }
    }

    /// A member announced where it can be reached.
    mutating func set(_ addresses: [String], of member: MemberID) {
        for address in targets.keys.sorted() {
            guard let target = targets[address], target.expected == member, !addresses.contains(address) else {
                continue
            }
            if target.isConfigured { targets[address]?.expected = nil } else { targets[address] = nil }
        }
        for address in addresses {
            targets[address, default: Target(address: address, isConfigured: false)].member = member
            targets[address]?.expected = member
        }
    }

    /// Forgets announced addresses of whoever may have no link any more.
    mutating func retain(_ mayHaveLink: (MemberID) -> Bool) {
        for address in targets.keys.sorted() {
            guard let target = targets[address], let member = target.expected, !mayHaveLink(member) else { continue }
            if target.isConfigured {
                targets[address]?.expected = nil
                targets[address]?.member = nil
            } else {
                targets[address] = nil
            }
        }
    }

    /// Makes every address due that is not being dialled.
    mutating func dialAgain() {
        for address in targets.keys.sorted() where targets[address]?.isDialling == false {
            targets[address]?.failures = 0
            targets[address]?.next = Gossip.Instant(milliseconds: 0)
        }
    }

    /// The addresses to dial now; they count as being dialled from here on.
    mutating func due(now: Gossip.Instant, isLinked: (MemberID) -> Bool) -> [Target] {
        var due: [Target] = []
        var dialling = targets.values.count { $0.isDialling }
        for address in targets.keys.sorted() {
            guard let target = targets[address], !target.isDialling, !target.isOwn, target.next <= now,
                dialling < TransportLimits.dialsMaximum
            else { continue }
            if let member = target.member, isLinked(member) { continue }
            targets[address]?.isDialling = true
            dialling += 1
            due.append(target)
        }
        return due
    }

    mutating func succeeded(_ address: String, _ member: MemberID) {
        targets[address]?.isDialling = false
        targets[address]?.failures = 0
        targets[address]?.member = member
        targets[address]?.lastError = nil
    }

    mutating func failed(_ address: String, _ error: String, now: Gossip.Instant) {
        guard let target = targets[address] else { return }
        targets[address]?.isDialling = false
        targets[address]?.lastError = error
        targets[address]?.failures = min(target.failures + 1, 16)
        let next = now + delay(failures: target.failures)
        targets[address]?.next = next
    }

    mutating func isOwn(_ address: String) {
        targets[address]?.isDialling = false
        targets[address]?.isOwn = true
        targets[address]?.lastError = nil
    }

    /// A link that stood is gone: try again soon, and not at the same moment as the other side.
    mutating func lost(_ member: MemberID, now: Gossip.Instant) {
        for address in targets.keys.sorted() where targets[address]?.member == member {
            targets[address]?.failures = 0
            let next = now + delay(failures: 0)
            targets[address]?.next = next
        }
    }

    func addresses(of member: MemberID) -> [String] {
        targets.values.filter { $0.member == member }.map(\.address).sorted()
    }

    /// The last error on any address of the member.
    func error(of member: MemberID) -> String? {
        targets.values.filter { $0.member == member && $0.lastError != nil }.min { $0.address < $1.address }
            .flatMap { target in target.lastError.map { "\(target.address): \($0)" } }
    }

    /// Doubles up to the longest, then a random half of it.
    private mutating func delay(failures: Int) -> UInt64 {
        let full = min(
            TransportLimits.backoffMaximumMilliseconds, TransportLimits.backoffFirstMilliseconds << UInt64(failures))
        return UInt64.random(in: full / 2...full, using: &random)
    }
}
