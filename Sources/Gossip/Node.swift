import Crypto
import Ledger
import Link

/// A member of the mesh without its input and output: events go in, effects come out.
///
/// The daemon and the simulator drive this very class. It never sleeps, reads a clock, opens a file or lets the order
/// of a Set or Dictionary be seen. Each aspect is an extension beside its state: Contributions/ gathers what members
/// made, Agreement/ decides one height, Synchronisation/ gives peers what they lack.
public final class Node {
    public internal(set) var identity: NodeIdentity
    public internal(set) var chain: Chain
    let timing: Timing
    let verifier: Verifier
    let reader: MessageReader
    var random: SeededRandom

    var links = LinkTable()
    var contributions = ContributionTable()
    var commitments = CommitmentTable()
    var governance = GovernanceTable()
    var departure: Departure?
    var height: ConsensusInstance
    var averagings = AveragingTable()
    var replay: ReplayTask?
    var synchronisation: Synchronisation
    var addresses: [MemberID: Signed<AddressRecord>] = [:]
    var pendingWrites = PendingWrites()
    var pacing = Pacing()
    var alarms: [Alarm] = []
    var recovery: RecoveryState
    var evidence = EvidenceTable()
    var conflicts = ConflictTable()
    var checks = CheckBudgets()
    var answers = AnswerBudgets()
    var storage = StorageRoom()
    /// The last adopted version, to answer members that are one behind.
    var headVersion: CertifiedVersion? { didSet { headIndex = nil } }
    /// See `headObjects`.
    var headIndex: HeadObjects?

    /// For the simulator alone: the program of a hostile member does not stop when what was signed with its key beside
    /// its node comes back.
    package var ignoresDuplicateInstances = false

    /// The event's instant and the effects so far, while an event is handled.
    var now = Instant(milliseconds: 0)
    var effects: [Effect] = []
    private var armed: Instant?

    public init(
        identity: NodeIdentity, timing: Timing, recovered: Recovered, verifier: Verifier,
        reader: MessageReader = MessageReader(), random: SeededRandom
    ) {
        self.identity = identity
        self.timing = timing
        self.verifier = verifier
        self.reader = reader
        var random = random
        recovery = RecoveryState(instance: InstanceID(random: &random))
        self.random = random
        chain = recovered.chain
        headVersion = recovered.head
        synchronisation = Synchronisation(
            headerSync: recovered.headerSync ?? HeaderSync(chain: recovered.chain),
            lacksParameters: recovered.lacksParameters)
        height = ConsensusInstance(
            network: recovered.chain.network, height: recovered.chain.nextHeight, members: recovered.chain.members,
            began: Instant(milliseconds: 0))
        restore(recovered)
    }

    /// Takes one event and appends what is to be done about it to `effects`, in order.
    public func handle(_ event: Event, now: Instant, into effects: inout [Effect]) {
        self.now = now
        self.effects = []
        dispatch(event)
        // Whatever event comes first after a deadline: the timer is armed for the next one and may never tell of it.
        expireView()
        expirePieces()
        expireBlocks()
        expireHeaderRequest()
        tickIfDue()
        announceLinksIfDue()
        if !isStopped { advance() }
        persistEvidence()
        armTimer()
        effects += self.effects
        self.effects = []
    }

    private func dispatch(_ event: Event) {
        switch event {
        case .start: start()
        case .linkUp(let link, let member): linkUp(link, member)
        case .linkDown(let link): linkDown(link)
        case .message(let link, let bytes): received(bytes, from: link)
        case .piece(let link, let name, let byteCount, let handle):
            pieceArrived(name, byteCount: byteCount, handle, from: link)
        case .timer: armed = nil
        case .persisted(let ticket): persisted(ticket)
        case .pieceStored(let name, let outcome, let link): pieceStored(name, outcome, from: link)
        case .pieceLost(let name): pieceLost(name)
        case .freeSpace(let bytes): measured(freeBytes: bytes)
        case .validated(let digest, let outcome): validated(digest, outcome)
        case .averaged(let id, let roots): averaged(id, roots)
        case .averagingRefused(let id, let reason): averagingRefused(id, reason)
        case .contribute(let contribution): contribute(contribution)
        case .recover: recover()
        case .parametersOpened(let root, let held): parametersOpened(root, held: held)
        case .blockStored(let name, let outcome, let link): blockStored(name, outcome, from: link)
        case .parametersCompleted(let root, let held): parametersCompleted(root, held: held)
        case .govern(let signed): govern(signed)
        case .review(let review): self.review(review)
        case .judge(let judged): judge(judged)
        case .keys(let nodeKey, let next):
            identity = NodeIdentity(
                member: identity.member, nodeKey: nodeKey, nextNodeKey: next, addresses: identity.addresses)
            announceOwnAddress()
            pacing.progressed = true
        case .replayed(let parent, let exclusions, let roots): replayed(parent, exclusions, roots)
        }
    }

    /// Goes on with whatever the event made possible, until nothing more follows.
    private func advance() {
        repeat {
            pacing.progressed = false
            replayIfPending()
            advanceRecovery()
            signReadinessIfDue()
            signClosedIfDue()
            advanceOwnContributions()
            signReadyIfDue()
            advanceViews()
            adoptIfPossible()
            synchronise()
        } while pacing.progressed
        schedulePieces()
    }

    private func start() {
        height = height.restarted(at: now)
        commitments.restart(at: now)
        pacing.nextTick = now
        noteMembership(removedNow: false)
        announceOwnAddress()
        // Raised while the journal was read, when nobody could hear it.
        for alarm in alarms { emit(.alarm(alarm)) }
        for member in addresses.keys.sorted() where member != identity.member {
            effects.append(.addresses(member, addresses[member]!.body.addresses))
        }
        for digest in contributions.order { continueCandidate(digest) }
    }

    /// This node's position in the set that decides the next height; nil for a node that is no member of it.
    /// It signs nothing where it does not hold the key that the set knows.
    var selfIndex: Int? {
        height.members.index(of: identity.member).flatMap { index in
            identity.key(knownAs: height.members.members[index].nodeKey).map { _ in index }
        }
    }

    /// The key for what this node says at the height that is being agreed on.
    var ownKey: SigningKey { identity.key(in: height.members) ?? identity.nodeKey }

    /// What this node says, under its own name.
    func sign<Body: Statement>(_ body: Body, by key: SigningKey) -> Signed<Body> {
        verifier.signed(body, signer: identity.member, key: key, network: chain.network)
    }

    var isStopped: Bool { alarms.contains { $0.stops } }

    func raise(_ alarm: Alarm) {
        guard !alarms.contains(alarm) else { return }
        alarms.append(alarm)
        emit(.alarm(alarm))
    }

    func emit(_ notice: Notice) { effects.append(.emit(notice)) }

    /// One timer for all deadlines: set again only where the next one changed.
    private func armTimer() {
        let next = nextDeadline()
        guard next != armed else { return }
        armed = next
        effects.append(.setTimer(next))
    }

    private func nextDeadline() -> Instant {
        var next: Instant?
        func allowFor(_ deadline: Instant?) {
            guard let deadline, deadline > now else { return }
            next = next.map { min($0, deadline) } ?? deadline
        }
        allowFor(pacing.nextTick)
        allowFor(viewDeadline)
        allowFor(closingDeadline)
        allowFor(readyDeadline)
        allowFor(windowDeadline)
        allowFor(pieceDeadline)
        allowFor(blockDeadline)
        allowFor(headerRequestDeadline)
        allowFor(flagDeadline)
        allowFor(linksDeadline)
        return next ?? pacing.nextTick
    }
}

/// When this node speaks up again.
struct Pacing {
    var nextTick = Instant(milliseconds: 0)
    /// How many ticks passed without progress; the interval doubles with them up to eightfold.
    var idleTicks = 0
    /// Whether a version was adopted since the last tick, when peers are told of it.
    var isAdoptionUntold = false
    /// Something happened that may make more possible.
    var progressed = false
    var fetches = FetchLog()
    /// When each member's address record was last passed on, and whose newer one waits for the next tick.
    var addressTaken: [MemberID: Instant] = [:]
    var addressesWaiting: Set<MemberID> = []
    /// Whose record goes on at the next tick, with the link that gave it.
    var addressesHeard: [MemberID: LinkID] = [:]
    /// Since when peers are to be told that links came or went.
    var linksChanged: Instant?
    /// Ticks since the member set changed: peers that adopt later must hear once more to whom this node has links.
    var ticksSinceChange = 4
    /// From the entry into the deciding view to the decision, smoothed: what a view should allow for.
    var decisionMilliseconds: UInt64 = 0
}
