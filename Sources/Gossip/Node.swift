import Crypto
import Ledger

/// A member of the mesh without its input and output: events go in, actions come out.
///
/// The daemon and the simulator drive this very class. It never sleeps, reads a clock, opens a file or lets the order
/// of a Set or Dictionary be seen. Each aspect is an extension beside its state: Contributions/ gathers what members
/// made, Agreement/ decides one height, Synchronisation/ gives peers what they lack.
public final class Node {
    public let identity: NodeIdentity
    public internal(set) var chain: Chain
    let timing: Timing
    let verifier: Verifier
    var random: SeededRandom

    var links = LinkTable()
    var contributions = ContributionTable()
    var height: HeightState
    var averagings = AveragingTable()
    var addresses: [MemberID: Signed<AddressRecord>] = [:]
    var outbox = Outbox()
    var pacing = Pacing()
    var alarms: [Alarm] = []
    /// The last adopted version, to answer members that are one behind.
    var headVersion: CertifiedVersion?

    /// The event's instant and the actions so far, while an event is handled.
    var now = Instant(milliseconds: 0)
    var actions: [Action] = []
    private var armed: Instant?

    public init(
        identity: NodeIdentity, timing: Timing, recovered: Recovered, verifier: Verifier, random: SeededRandom
    ) {
        self.identity = identity
        self.timing = timing
        self.verifier = verifier
        self.random = random
        chain = recovered.chain
        headVersion = recovered.head
        height = HeightState(
            network: recovered.chain.network, height: recovered.chain.nextHeight, members: recovered.chain.members,
            began: Instant(milliseconds: 0))
        restore(recovered)
    }

    /// Takes one event and appends what is to be done about it to `actions`, in order.
    public func handle(_ event: Event, now: Instant, into actions: inout [Action]) {
        self.now = now
        self.actions = []
        dispatch(event)
        // Whatever event comes first after a deadline: the timer is armed for the next one and may never tell of it.
        expireView()
        expirePieces()
        tickIfDue()
        if alarms.isEmpty { advance() }
        armTimer()
        actions += self.actions
        self.actions = []
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
        case .validated(let digest, let outcome): validated(digest, outcome)
        case .averaged(let id, let roots): averaged(id, roots)
        case .contribute(let contribution): contribute(contribution)
        }
    }

    /// Goes on with whatever the event made possible, until nothing more follows.
    private func advance() {
        repeat {
            pacing.progressed = false
            signReadyIfDue()
            advanceViews()
            adoptIfPossible()
        } while pacing.progressed
        schedulePieces()
    }

    private func start() {
        height = height.restarted(at: now)
        pacing.nextTick = now
        announceOwnAddress()
        for member in addresses.keys.sorted() where member != identity.member {
            actions.append(.addresses(member, addresses[member]!.body.addresses))
        }
        for digest in contributions.order { continueCandidate(digest) }
    }

    /// This node's position in the set that decides the next height; nil for a node that is no member of it.
    var selfIndex: Int? { height.members.index(of: identity.member) }

    var isStopped: Bool { !alarms.isEmpty }

    func raise(_ alarm: Alarm) {
        guard !alarms.contains(alarm) else { return }
        alarms.append(alarm)
        emit(.alarm(alarm))
    }

    func emit(_ notice: Notice) { actions.append(.emit(notice)) }

    func send(_ message: Message, to link: LinkID) { actions.append(.send(link, message.encoded)) }

    func broadcast(_ message: Message, except excluded: LinkID? = nil) {
        let bytes = message.encoded
        for link in links.order where link != excluded { actions.append(.send(link, bytes)) }
    }

    /// One timer for all deadlines: set again only where the next one changed.
    private func armTimer() {
        let next = nextDeadline()
        guard next != armed else { return }
        armed = next
        actions.append(.setTimer(next))
    }

    private func nextDeadline() -> Instant {
        [pacing.nextTick, viewDeadline, readyDeadline, pieceDeadline].compactMap { $0 }.filter { $0 > now }.min()
            ?? pacing.nextTick
    }
}

/// When this node speaks up again.
struct Pacing {
    var nextTick = Instant(milliseconds: 0)
    /// How many ticks passed without progress; the interval doubles with them up to eightfold.
    var idleTicks = 0
    /// Something happened that may make more possible.
    var progressed = false
    var fetches = FetchLog()
    /// When each member's address record was last passed on, and whose newer one waits for the next tick.
    var addressTaken: [MemberID: Instant] = [:]
    var addressesWaiting: Set<MemberID> = []
    /// From a quorum being ready to the decision, smoothed: what a view should allow for.
    var decisionMilliseconds: UInt64 = 0
}
