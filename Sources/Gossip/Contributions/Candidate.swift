import Crypto
import Ledger
import Link

/// A contribution that this node knows of, and how far its pieces have come.
struct Candidate {
    enum Status: Equatable {
        case fetching
        case validating
        /// Complete, valid and synced.
        case valid
        case refused(String)
    }

    struct Request {
        let link: LinkID
        let asked: Instant
    }

    /// Among so many lacking pieces the rarest is looked for.
    static let consideredMaximum = 512

    let signed: Signed<Contribution>
    let digest: ContributionDigest
    var pieces: Bitmap
    var status: Status = .fetching
    /// False for an own contribution until its slot is durable: until then nobody may hear of it.
    var isAnnounced = true
    /// Of an own contribution: it ended without being shown to anybody.
    var isVoid = false
    /// Pieces that peers asked for before they may be shown: peers may know earlier than this node that they may.
    var deferred: [LinkID: Set<Int>] = [:]
    /// The disk refused a piece: no more are asked for until the next tick.
    var isPaused = false
    /// Pieces on their way, by index.
    var requests: [Int: Request] = [:]
    /// Pieces that are being checked and written.
    var storing: Set<Int> = []
    /// What each link said that it holds.
    var providers: [LinkID: Bitmap] = [:]
    /// How many pieces each link was asked for in vain: others go first, however often it says that it holds them.
    var failures: [LinkID: Int] = [:]
    /// Links that were asked for a piece at some time: from others a piece is refused.
    var asked: Set<LinkID> = []

    init(signed: Signed<Contribution>, pieces: Bitmap? = nil) {
        self.signed = signed
        digest = signed.body.contributionDigest
        self.pieces = pieces ?? Bitmap(count: signed.body.pieceCount)
    }

    var contribution: Contribution { signed.body }
    var commitment: Commitment { Commitment(author: contribution.author, contribution: digest) }
    var isComplete: Bool { pieces.isFull }

    /// How many pieces nobody was asked for and are not here.
    var missingCount: Int { pieces.count - pieces.setCount - requests.keys.count { !pieces[$0] } - storing.count }

    /// Up to `limit` of those pieces that somebody holds, upwards and around from about `start`.
    func missing(from start: Int, limit: Int, heldBy providers: [Bitmap]) -> [Int] {
        pieces.clear(from: start, limit: limit) { index in
            requests[index] == nil && !storing.contains(index) && providers.contains { $0[index] }
        }
    }
}

/// What is known of one slot: who acknowledged what.
struct SlotState {
    /// The one candidate that is kept without a certificate.
    var candidate: ContributionDigest?
    /// Availability votes by contribution, of each member the first.
    var votes: [ContributionDigest: [Int: Signature]] = [:]
    var voters: Set<Int> = []
    /// The first certificate that was formed or came.
    var certificate: AvailabilityCertificate?
    /// This node's availability vote: at most one for ever.
    var ownAvailabilityVote: ContributionDigest?
}

/// Contributions on top of the last `maxStaleness + 1` versions.
struct ContributionTable {
    private(set) var candidates: [ContributionDigest: Candidate] = [:]
    /// Digests of `candidates`, ascending: the order in which they are gone through.
    private(set) var order: [ContributionDigest] = []
    /// Those of them that wait for pieces, and those of which pieces are on their way. Gone through with every event,
    /// when most candidates are long complete.
    private(set) var fetching: [ContributionDigest] = []
    private(set) var requesting: [ContributionDigest] = []
    private(set) var slots: [Slot: SlotState] = [:]
    /// Own contributions that are neither shown nor given up yet, ascending.
    private(set) var ownUnsettled: [ContributionDigest] = []
    /// Slots with a certificate, ascending.
    private(set) var certifiedSlots: [Slot] = []
    /// What `Node.eligibleSlots` found on a head, until another slot has a certificate.
    var eligible: (head: VersionDigest, slots: [Slot])?
    /// What `authors(of:)` found last.
    private var authorsNamed: (slots: [Slot], authors: Set<MemberID>)?
    /// What `authors(on:)` found, until a candidate comes, goes or is refused.
    private var authorsFound: (base: VersionDigest, authors: Set<MemberID>)?
    /// Pieces that a process before this one left on disk, of contributions that are not known here yet.
    var leftOnDisk: [ContributionDigest: Bitmap] = [:]
    /// Certificates by digest: those of `slots`, and those that a payload names.
    var certificates: [Digest: AvailabilityCertificate] = [:]

    subscript(digest: ContributionDigest) -> Candidate? { candidates[digest] }

    mutating func insert(_ candidate: Candidate) {
        candidates[candidate.digest] = candidate
        authorsFound = nil
        order.set(candidate.digest, isThere: true)
        classify(candidate.digest)
    }

    /// A new candidate, with the pieces that a process before this one left on disk.
    mutating func take(_ signed: Signed<Contribution>) {
        let left = leftOnDisk.removeValue(forKey: signed.body.contributionDigest)
        insert(Candidate(signed: signed, pieces: left?.count == signed.body.pieceCount ? left : nil))
    }

    mutating func update(_ digest: ContributionDigest, _ change: (inout Candidate) -> Void) {
        guard let before = candidates[digest]?.status else { return }
        change(&candidates[digest]!)
        if candidates[digest]?.status != before { authorsFound = nil }
        classify(digest)
    }

    mutating func remove(_ digest: ContributionDigest) {
        candidates[digest] = nil
        authorsFound = nil
        order.set(digest, isThere: false)
        ownUnsettled.set(digest, isThere: false)
        classify(digest)
    }

    /// A candidate that is this node's own.
    mutating func insertOwn(_ candidate: Candidate) {
        insert(candidate)
        ownUnsettled.set(candidate.digest, isThere: true)
    }

    mutating func settle(_ digest: ContributionDigest) { ownUnsettled.set(digest, isThere: false) }

    private mutating func classify(_ digest: ContributionDigest) {
        let isFetching = candidates[digest].map { $0.status == .fetching && !$0.isComplete } ?? false
        let isRequesting = candidates[digest].map { !$0.requests.isEmpty } ?? false
        fetching.set(digest, isThere: isFetching)
        requesting.set(digest, isThere: isRequesting)
    }

    /// Changes what is known of a slot, in place.
    mutating func updateSlot<Result>(_ slot: Slot, _ change: (inout SlotState) -> Result) -> Result {
        let (result, isCertified) = ContributionTable.change(&slots[slot, default: SlotState()], change)
        if isCertified {
            eligible = nil
            certifiedSlots.insert(slot, at: certifiedSlots.firstIndex { $0 > slot } ?? certifiedSlots.count)
        }
        return result
    }

    private static func change<Result>(
        _ state: inout SlotState, _ change: (inout SlotState) -> Result
    ) -> (Result, isCertified: Bool) {
        let wasCertified = state.certificate != nil
        let result = change(&state)
        return (result, !wasCertified && state.certificate != nil)
    }

    mutating func removeSlot(_ slot: Slot) {
        slots[slot] = nil
        certifiedSlots.removeAll { $0 == slot }
        eligible = nil
    }

    /// The authors of `slots`, which are asked for again and again while they stay the same.
    mutating func authors(of slots: [Slot]) -> Set<MemberID> {
        if let authorsNamed, authorsNamed.slots == slots { return authorsNamed.authors }
        let authors = Set(slots.map(\.author))
        authorsNamed = (slots, authors)
        return authors
    }

    /// Who contributed to `base` what was not refused.
    mutating func authors(on base: VersionDigest) -> Set<MemberID> {
        if let authorsFound, authorsFound.base == base { return authorsFound.authors }
        var authors: Set<MemberID> = []
        for candidate in candidates.values where candidate.contribution.base == base {
            if case .refused = candidate.status { continue }
            authors.insert(candidate.contribution.author)
        }
        authorsFound = (base, authors)
        return authors
    }
}

extension [ContributionDigest] {
    /// Puts a digest into its place in an ascending list, or takes it out.
    fileprivate mutating func set(_ digest: ContributionDigest, isThere: Bool) {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < digest { low = middle + 1 } else { high = middle }
        }
        let wasThere = low < count && self[low] == digest
        if isThere, !wasThere { insert(digest, at: low) }
        if !isThere, wasThere { remove(at: low) }
    }
}
