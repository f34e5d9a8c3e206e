import Crypto
import Ledger
import Link

/// Votes of one kind in one view: of each member the first that came.
struct Tally {
    private(set) var byVersion: [VersionDigest: [Int: Signature]] = [:]
    private var voters: Set<Int> = []

    /// False where this member's vote is here already.
    mutating func insert(_ version: VersionDigest, _ index: Int, _ signature: Signature) -> Bool {
        guard voters.insert(index).inserted else { return false }
        byVersion[version, default: [:]][index] = signature
        return true
    }

    func contains(_ index: Int) -> Bool { voters.contains(index) }

    var voterCount: Int { voters.count }

    /// Versions in a fixed order.
    var versions: [VersionDigest] { byVersion.keys.sorted() }
}

/// What is known of one view.
struct ViewState {
    /// Of the view's leader, at most two: the second shows that it equivocates.
    var proposals: [Signed<Proposal>] = []
    var notarize = Tally()
    var finalize = Tally()
    /// Under the zero digest.
    var nullify = Tally()
    var notarization: VoteCertificate?
    var nullification: VoteCertificate?

    /// A node may leave the view by either.
    var exit: VoteCertificate? { notarization ?? nullification }

    /// False where the tally has this member's vote already.
    mutating func insert(_ vote: Vote, _ index: Int, _ signature: Signature) -> Bool {
        switch vote.kind {
        case .notarize: notarize.insert(vote.version, index, signature)
        case .finalize: finalize.insert(vote.version, index, signature)
        case .nullify: nullify.insert(vote.version, index, signature)
        }
    }

    func tally(_ kind: VoteKind) -> Tally {
        switch kind {
        case .notarize: notarize
        case .finalize: finalize
        case .nullify: nullify
        }
    }
}

/// Whether a fresh payload may be voted for.
enum PayloadValidation: Equatable {
    case valid
    case invalid
}

/// What this node itself has said at a height. Set when it decides to, before it is durable, so that it can never
/// decide otherwise in between.
struct OwnStatements {
    var closed: Signed<Closed>?
    var ready: Signed<Ready>?
    var proposed: Set<View> = []
    var notarized: [View: VersionDigest] = [:]
    var nullified: Set<View> = []
    var finalized: [View: VersionDigest] = [:]

    var isEmpty: Bool {
        closed == nil && ready == nil && proposed.isEmpty && notarized.isEmpty && nullified.isEmpty && finalized.isEmpty
    }
}

/// One instance of Simplex (eprint 2023/463): the agreement on one height.
struct ConsensusInstance {
    let height: Height
    let members: MemberSet
    let leaders: LeaderOrder

    /// When the parent became the head here; only deadlines are reckoned from it.
    private(set) var began: Instant
    var view = View.first
    /// The certificate by which `view` was entered; nil in view 1.
    var entry: VoteCertificate?
    var views: [View: ViewState] = [:]
    /// Of `views` those that were notarized, and those that a node may leave by either certificate.
    private(set) var notarized: Set<View> = []
    private(set) var exited: Set<View> = []
    /// One ready record a member, the first that came.
    private(set) var ready: [Int: Signed<Ready>] = [:]
    /// Their object digests.
    private(set) var readyNames: [Int: Digest] = [:]
    /// By object digest; besides those above, records that some payload embeds.
    var readyObjects: [Digest: Signed<Ready>] = [:]
    /// Complete governance actions that a payload embeds, by object digest.
    var actions: [Digest: CompleteAction] = [:]
    /// Payloads that a proposal or certificate of this height names.
    var payloads: [VersionDigest: Payload] = [:]
    var validations: [VersionDigest: PayloadValidation] = [:]
    /// Payloads that were found valid but for their roots, which are still being computed.
    var validExceptRoots: Set<VersionDigest> = []
    var own = OwnStatements()
    /// The version's certificate, once there is one.
    var decided: VoteCertificate?
    /// The decision came from a peer that is ahead, not from votes at this height.
    var cameCertified = false
    var isAdopting = false
    /// Whether the decided version can take effect on this chain; nil until its payload and what it embeds are here.
    var isApplicable: Bool?
    /// When the current view's timer started; it does once a quorum is ready or any later view was entered.
    private(set) var viewStarted: Instant?
    /// When this node entered each view, view 1 when a quorum was ready.
    private(set) var entered: [View: Instant] = [:]
    /// When there were enough commitments, from which the grace for others runs.
    var commitmentsEnoughSince: Instant?
    /// When there were enough if suspects are counted.
    var commitmentsDoubtfulSince: Instant?
    /// For whom this node waited until it closed the round without them.
    var waitedFor: [MemberID] = []
    /// A complete action ended the wait for contributions.
    var isHurried = false
    /// When this node said last that it will close the round.
    var announcedClosing: Instant?
    /// Whose contribution was committed, and whose only lacked approvals, when this node signed `ready`; nil before.
    var committedAtReady: Set<MemberID>?
    var awaitingApproval: Set<MemberID>?
    /// When enough contributions were available, from which the grace runs.
    var enoughSince: Instant?
    /// When a quorum was ready.
    var quorumReadySince: Instant?

    /// Loose votes are kept this many views beyond the own one.
    static let viewWindow: UInt32 = 16

    init(network: NetworkID, height: Height, members: MemberSet, began: Instant) {
        self.height = height
        self.members = members
        self.began = began
        leaders = LeaderOrder(network: network, height: height, memberCount: members.count)
    }

    /// The same state in a process that has just started: deadlines run from now.
    func restarted(at now: Instant) -> ConsensusInstance {
        var state = self
        state.began = now
        if !own.isEmpty || view > .first { state.viewStarted = now }
        return state
    }

    /// `view` begins, and with it its timer.
    mutating func enterView(at now: Instant) {
        viewStarted = now
        if entered[view] == nil { entered[view] = now }
    }

    /// The timer of `view` runs once more: the view has taken too long.
    mutating func restartViewTimer(at now: Instant) { viewStarted = now }

    /// Keeps a ready record; false where the member has another here, which stays its first.
    mutating func keep(_ record: Signed<Ready>, at index: Int) -> Bool {
        let name = record.objectDigest
        readyObjects[name] = record
        guard ready[index] == nil else { return false }
        ready[index] = record
        readyNames[index] = name
        return true
    }

    /// The object digest of the record that is kept as a member's first.
    func name(of record: Signed<Ready>) -> Digest {
        members.index(of: record.signer).flatMap { readyNames[$0] } ?? record.objectDigest
    }

    /// Keeps a notarization or nullification; false where the view has one already.
    mutating func keep(_ certificate: VoteCertificate) -> Bool {
        let view = certificate.vote.view
        let isNotarization = certificate.vote.kind == .notarize
        let path: WritableKeyPath<ViewState, VoteCertificate?> = isNotarization ? \.notarization : \.nullification
        guard views[view]?[keyPath: path] == nil else { return false }
        views[view, default: ViewState()][keyPath: path] = certificate
        if isNotarization { notarized.insert(view) }
        exited.insert(view)
        return true
    }

    func leader(of view: View) -> Int { leaders.leader(of: view) }

    func isKnownProposal(_ version: VersionDigest) -> Bool {
        decided?.vote.version == version
            || views.values.contains { state in
                state.proposals.contains { $0.body.version == version } || state.notarization?.vote.version == version
            }
    }

    /// Views below the own one that have neither certificate here, lowest first.
    var viewsWithoutExit: [View] {
        (1..<view.value).map { View($0) }.filter { views[$0]?.exit == nil }
    }
}
