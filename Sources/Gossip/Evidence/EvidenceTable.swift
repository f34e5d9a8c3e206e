import Crypto
import Ledger
import Link

/// Proofs that this node holds, one a member, kind and place, and what it needs to find and to pass them on.
struct EvidenceTable {
    /// Of one member: what a person needs to know is that it cheats, not how often.
    static let proofsOfOneMaximum = 16
    static let bytesOfOneMaximum = 512 << 10
    /// A proof of two contributions is two records, each of which fits a message.
    private static let contributionsBytesMaximum = 2 * Wire.messageBytesMaximum
    /// Of all; of every member the first is kept beyond these.
    static let proofsMaximum = 768
    static let bytesMaximum = 16 << 20
    /// Names of proofs that were turned away for these limits, so that nobody is asked for them again.
    private static let declinedMaximum = 1024

    private struct Share {
        var proofs = 0
        var bytes = 0
    }

    var statements = StatementIndex()
    /// Proofs by name.
    private(set) var held: [Digest: Evidence] = [:]
    /// Those of them that are durable and so may be shown to others.
    private(set) var shown: Set<Digest> = []
    /// Held, and not handed to the disk yet; each with the link that gave it.
    var unsynced: [(evidence: Evidence, link: LinkID?)] = []
    private var shares: [MemberID: Share] = [:]
    private var total = Share()
    private(set) var declined: Set<Digest> = []

    /// The first half of a proof that is too large for one message, a link.
    var halves: [LinkID: Signed<Ready>] = [:]
    /// When a link's list of names, and its wish for proofs, was last answered.
    var listAnswered: [LinkID: Instant] = [:]
    var wishAnswered: [LinkID: Instant] = [:]
    /// How many times this node has told one of its links what it holds.
    var announcements = 0

    /// Names of what may be shown, ascending.
    var names: [Digest] { shown.sorted() }

    /// Members against whom something may be shown, ascending, with the number of proofs.
    var accused: [(member: MemberID, proofs: Int)] {
        var proofs: [MemberID: Int] = [:]
        for name in shown { if let evidence = held[name] { proofs[evidence.accused, default: 0] += 1 } }
        return proofs.keys.sorted().map { ($0, proofs[$0] ?? 0) }
    }

    /// Whether the slot's author is proven to have made two contributions for it; or so much against it is held that no
    /// more finds room.
    func provesTwoContributions(in slot: Slot) -> Bool {
        guard shares[slot.author] != nil else { return false }
        return !hasRoom(for: slot.author, byteCount: EvidenceTable.contributionsBytesMaximum)
            || held.values.contains { found in
                if case .contributions(let one, _) = found { one.body.slot == slot } else { false }
            }
    }

    /// Whether anything more against `member` would find room.
    func hasRoom(for member: MemberID, byteCount: Int = 0) -> Bool {
        guard let share = shares[member] else { return true }
        return share.proofs < EvidenceTable.proofsOfOneMaximum
            && share.bytes + byteCount <= EvidenceTable.bytesOfOneMaximum
            && total.proofs < EvidenceTable.proofsMaximum && total.bytes + byteCount <= EvidenceTable.bytesMaximum
    }

    mutating func insert(_ evidence: Evidence, name: Digest, byteCount: Int) {
        guard held.updateValue(evidence, forKey: name) == nil else { return }
        shares[evidence.accused, default: Share()].proofs += 1
        shares[evidence.accused, default: Share()].bytes += byteCount
        total.proofs += 1
        total.bytes += byteCount
    }

    mutating func show(_ name: Digest) { shown.insert(name) }

    mutating func decline(_ name: Digest) {
        if declined.count >= EvidenceTable.declinedMaximum { declined = [] }
        declined.insert(name)
    }

    mutating func forget(_ link: LinkID) {
        halves[link] = nil
        listAnswered[link] = nil
        wishAnswered[link] = nil
    }
}
