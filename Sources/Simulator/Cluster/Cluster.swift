import Crypto
import Gossip
import Ledger
import Link

/// Many nodes in simulated time: their networks, disks, machines and trainers, and what goes wrong with them.
///
/// A pure function of its options: every random draw comes from the seed, time is a number, and nothing depends on
/// the order of a Set or Dictionary. One cluster lives on one thread.
public final class Cluster {
    public let options: ClusterOptions
    public let faults: FaultProfile
    let genesis: Genesis
    var sites: [Site] = []
    /// Sites by member; a twin has two.
    var bodies: [[Int]] = []
    let checkers: Checkers
    let verifier = Verifier(capacity: 1 << 18)
    let reader = MessageReader(capacity: 1 << 12)
    var trace: Trace
    var counts = FaultCounts()
    var measures = Measures()

    public internal(set) var now = SimulatedTime.zero
    var queue = EventQueue<Occurrence>()
    var networkRandom: SeededRandom
    var machineRandom: SeededRandom
    var trainerRandom: SeededRandom
    var faultRandom: SeededRandom
    var byzantineRandom: SeededRandom
    var operators: Operators

    var connections: [Int: Connection] = [:]
    var nextConnection = 0
    /// The newest connection of a pair of members, at lower * n + higher.
    var current: [Int?]
    /// What a directed pair of members cannot exchange, at from * n + to.
    var isBlocked: [Bool]
    var isSlow: [Bool]
    /// Nothing that is sent between a directed pair arrives before.
    var cloggedUntil: [SimulatedTime]
    /// What was drawn of the views that members miss something of.
    var mutedPlaces: [MutedPlace: Bool] = [:]
    var coalition: Coalition
    var isHealed = false
    var healedHeight: UInt64 = 0
    /// The highest view in which any honest member was at the height after that one, when the cluster was healed.
    var healedView: UInt32 = 1
    /// The view in which each height was decided, by whoever adopted it first.
    var decidedViews: [UInt64: UInt32] = [:]
    /// What trainers handed over.
    var made: [ContributionDigest: Contribution] = [:]
    /// Contributions that the cluster made invalid.
    var badContributions: Set<ContributionDigest> = []
    /// For directed scenarios, until healing: whether something may pass from one member to another; a piece asks with
    /// no bytes.
    var filter: ((_ from: Int, _ to: Int, _ bytes: [UInt8]) -> Bool)?
    /// For directed scenarios: everything that is put on a wire, whether or not it arrives.
    var tap: ((_ from: Int, _ sent: Sent) -> Void)?
    /// For directed scenarios, until healing: which of a twin's two bodies a member without a twin is linked with.
    var lane: ((_ member: Int) -> Int)?
    /// For directed scenarios: crashes by count of batches.
    var crashPoints: [CrashPoint] = []
    /// For directed scenarios: members whom every honest one that lives must convict by the end,
    /// if they put two contributions for one slot on wires.
    var culprits: [Int] = []
    let work: any RoundWork

    /// Something on a wire.
    enum Sent {
        case message([UInt8])
        case piece(PieceName, [UInt8])
    }

    /// What is yet to happen. A life that has ended makes it void.
    enum Occurrence {
        case boot(site: Int)
        case crash(site: Int)
        case connect(Int, Int)
        case linkUp(connection: Int, end: Int)
        case linkDown(connection: Int, end: Int)
        case message(connection: Int, end: Int, [UInt8])
        case piece(connection: Int, end: Int, PieceName, ProvenPiece)
        case timer(site: Int, life: UInt64, generation: UInt64)
        case sync(site: Int, life: UInt64)
        case persisted(site: Int, life: UInt64, PersistTicket)
        case storePiece(site: Int, life: UInt64, Contribution, PieceName, PieceHandle, LinkID)
        case validate(site: Int, life: UInt64, Contribution)
        case average(site: Int, life: UInt64, AveragingID, StateRoots, [ManifestEntry])
        case replay(site: Int, life: UInt64, Chain)
        case openParameters(site: Int, life: UInt64, Digest)
        case storeBlock(site: Int, life: UInt64, BlockName, PieceHandle, LinkID)
        case completeParameters(site: Int, life: UInt64, Digest)
        case submitContribution(site: Int, life: UInt64, base: VersionDigest, height: Height)
        /// An operator signs at its own site.
        case propose(member: Int, GovernanceAction, possession: Signature?)
        case review(member: Int, ReviewStatement)
        /// An operator takes its signature back, or rejects an action.
        case judge(member: Int, GovernanceAction, ProposalVerdict)
        /// A member's shell gets round to what its Byzantine behaviours do by themselves.
        case attack(site: Int, life: UInt64)
        /// What a Byzantine member held back.
        case delayedMessage(site: Int, life: UInt64, LinkEnd, [UInt8])
        /// A site's machine measures what is free on its disk.
        case space(site: Int, life: UInt64)
        case fault(RandomFault)
        case journalFault
        case endPartition([Int])
    }

    /// - Parameter print: takes a line for each thing that happens, where somebody wants to read them.
    public init(_ options: ClusterOptions, print: ((String) -> Void)? = nil) {
        self.options = options
        var random = SeededRandom(simulationSeed: options.seed)
        var foundingRandom = random.split()
        var profileRandom = random.split()
        networkRandom = random.split()
        machineRandom = random.split()
        trainerRandom = random.split()
        faultRandom = random.split()
        byzantineRandom = random.split()
        let count = options.nodes
        faults = options.faults ?? FaultProfile.drawn(members: count, seed: options.seed, random: &profileRandom)
        let minContributions =
            options.minContributions
            ?? (options.faults == nil ? faults.drawnMinContributions(&profileRandom) : Rules().minContributions)
        precondition(
            faults.byzantine.count == count && faults.absentTrainers.count == count && faults.newcomers.count == count,
            "a flag a member")
        let founding = Founding(
            members: count, newcomers: faults.newcomers, random: &foundingRandom
        ) {
            $0.retentionVersions = options.retentionVersions
            $0.maxStaleness = options.maxStaleness
            $0.weights = options.weights
            $0.nodeWeightMaximumQ30 = options.nodeWeightMaximumQ30
            $0.minContributions = minContributions
        }
        genesis = founding.genesis
        trace = Trace(print: print)
        current = Array(repeating: nil, count: count * count)
        isBlocked = Array(repeating: false, count: count * count)
        isSlow = Array(repeating: false, count: count * count)
        cloggedUntil = Array(repeating: .zero, count: count * count)
        work = options.work
        coalition = Coalition(founding, faults.byzantine)
        checkers = Checkers(
            genesis: genesis, people: founding.people.map(\.id), isHonest: faults.byzantine.map(\.isEmpty))
        operators = Operators(founding, random: random.split())
        for member in 0..<count {
            bodies.append([])
            let behaviours = faults.byzantine[member]
            let favoured = (0..<count).map { _ in !behaviours.isEmpty && byzantineRandom.chance(50) }
            for _ in 0..<(behaviours.contains(.twins) ? 2 : 1) {
                bodies[member].append(sites.count)
                sites.append(
                    Site(
                        index: sites.count, member: member, identity: founding.identities[member],
                        behaviours: behaviours, favoured: favoured, random: random.split()))
                sites[sites.count - 1].disk.parameters[genesis.roots.name] = Cluster.wholeParameters
            }
            if !behaviours.isEmpty { counts.add(.byzantineMembers) }
        }
        connectCheckers()
        plan()
    }

    private func connectCheckers() {
        checkers.holds = { [unowned self] member, contribution in
            sites[bodies[member][0]].disk.blobs[contribution].map { $0.isSynced && $0.isComplete } ?? false
        }
        checkers.hasForgotten = { [unowned self] member, contribution in
            sites[bodies[member][0]].process?.forgotten.contains(contribution) ?? false
        }
        checkers.holders = { [unowned self] contribution, roster in
            (0..<options.nodes).count {
                checkers.isHonest[$0] && roster.contains(checkers.people[$0]) && checkers.holds($0, contribution)
            }
        }
        checkers.certified = { [unowned self] version, roster in
            coalition.follow(roster.memberSet)
            countGovernance(of: version)
        }
        checkers.roots = { [work] parent, manifest in work.roots(parent: parent, manifest: manifest) }
    }

    private func plan() {
        for index in isSlow.indices { isSlow[index] = networkRandom.chance(faults.slowPairPercent) }
        for site in sites { queue.push(.boot(site: site.index), at: .zero + machineRandom.draw(0...50_000)) }
        planFaults()
    }

    /// Lets the next thing happen; false where nothing ever will.
    func step() -> Bool {
        guard let (time, occurrence) = queue.pop() else { return false }
        now = time
        checkers.now = time
        measures.occurrences += 1
        measures.queueMaximum = max(measures.queueMaximum, queue.count)
        happen(occurrence)
        return true
    }

    private func happen(_ occurrence: Occurrence) {
        if let site = site(of: occurrence), let process = sites[site].process, process.stalledUntil > now {
            return queue.push(occurrence, at: process.stalledUntil)
        }
        switch occurrence {
        case .boot(let site): boot(sites[site])
        case .crash(let site): crash(sites[site])
        case .connect(let one, let other): connect(one, other)
        case .linkUp(let connection, let end): linkUp(connection, end)
        case .linkDown(let connection, let end): linkDown(connection, end)
        case .message(let connection, let end, let bytes): arrive(bytes, at: end, of: connection)
        case .piece(let connection, let end, let name, let piece): arrive(piece, name, at: end, of: connection)
        case .timer(let site, let life, let generation):
            guard let process = living(site, life), process.timerGeneration == generation else { return }
            turn(sites[site], .timer)
        case .sync(let site, let life): if living(site, life) != nil { sync(sites[site]) }
        case .persisted(let site, let life, let ticket):
            if living(site, life) != nil { turn(sites[site], .persisted(ticket)) }
        case .storePiece(let site, let life, let contribution, let name, let handle, let link):
            if living(site, life) != nil { storePiece(sites[site], contribution, name, handle, link) }
        case .validate(let site, let life, let contribution):
            if living(site, life) != nil { validate(sites[site], contribution) }
        case .replay(let site, let life, let chain): if living(site, life) != nil { replay(sites[site], chain) }
        case .average(let site, let life, let name, let parent, let manifest):
            if living(site, life) != nil { average(sites[site], name, parent, manifest) }
        case .openParameters(let site, let life, let root):
            if living(site, life) != nil { openParameters(sites[site], root) }
        case .storeBlock(let site, let life, let name, let handle, let link):
            if living(site, life) != nil { storeBlock(sites[site], name, handle, link) }
        case .completeParameters(let site, let life, let root):
            if living(site, life) != nil { completeParameters(sites[site], root) }
        case .submitContribution(let site, let life, let base, let height):
            if living(site, life) != nil { submitContribution(sites[site], base, height) }
        case .propose(let member, let action, let possession): propose(action, by: member, possession)
        case .review(let member, let statement): review(statement, by: member)
        case .judge(let member, let action, let verdict): judge(action, verdict, by: member)
        case .attack(let site, let life): if living(site, life) != nil { attack(sites[site]) }
        case .delayedMessage(let site, let life, let end, let bytes):
            if living(site, life) != nil { transmit(bytes, from: sites[site], over: end) }
        case .space(let site, let life): if living(site, life) != nil { measureSpace(sites[site]) }
        case .fault(let fault): strike(fault)
        case .journalFault: journalFault()
        case .endPartition(let pairs): for pair in pairs { isBlocked[pair] = false }
        }
    }

    /// The site whose process must have a turn for this to happen.
    private func site(of occurrence: Occurrence) -> Int? {
        switch occurrence {
        case .linkUp(let connection, let end), .linkDown(let connection, let end), .message(let connection, let end, _),
            .piece(let connection, let end, _, _):
            connections[connection]?.ends[end].site
        case .timer(let site, _, _), .sync(let site, _), .persisted(let site, _, _), .validate(let site, _, _),
            .storePiece(let site, _, _, _, _, _), .average(let site, _, _, _, _), .openParameters(let site, _, _),
            .storeBlock(let site, _, _, _, _), .completeParameters(let site, _, _),
            .submitContribution(let site, _, _, _),
            .attack(let site, _), .delayedMessage(let site, _, _, _), .replay(let site, _, _), .space(let site, _):
            site
        case .boot, .crash, .connect, .propose, .review, .judge, .fault, .journalFault, .endPartition: nil
        }
    }

    func living(_ site: Int, _ life: UInt64) -> Process? {
        sites[site].life == life ? sites[site].process : nil
    }

    func pair(_ from: Int, _ to: Int) -> Int { from * options.nodes + to }
}

/// What a cluster is made from.
public struct ClusterOptions: Sendable {
    public var nodes: Int
    public var seed: UInt64
    /// Faults stop at the latest when a member reached this height less two; the run ends two versions later.
    public var heights: UInt64 = 5
    public var timing = ClusterOptions.quickTiming
    /// nil: drawn from the seed.
    public var faults: FaultProfile?
    public var work: any RoundWork = StubRounds()
    /// The rule of the mesh.
    public var retentionVersions = Rules().retentionVersions
    /// The rule of the mesh.
    public var maxStaleness = Rules().maxStaleness
    /// The rules of the mesh about whose contribution weighs how much.
    public var weights = WeightMode.equal
    /// See `Rules.nodeWeightMaximumQ30`.
    public var nodeWeightMaximumQ30 = Rules.oneQ30
    /// The rule of the mesh. nil: drawn from the seed where the faults are, else the least.
    public var minContributions: UInt32?
    /// After healing, every honest living member advances by two versions within this time.
    public var healingLimitMilliseconds: UInt64 = 120_000
    /// A cluster in which more happens than this runs away.
    public var occurrencesMaximum: UInt64

    public init(nodes: Int, seed: UInt64) {
        self.nodes = nodes
        self.seed = seed
        // In a full mesh everybody hears everything from everybody.
        occurrencesMaximum = max(4_000_000, 8_000 * UInt64(nodes * nodes))
    }

    /// Rounds of seconds instead of minutes.
    public static var quickTiming: Timing {
        var timing = Timing()
        timing.roundDeadline = 3_000
        timing.graceMinimum = 50
        timing.viewInitial = 400
        timing.viewMaximum = 8_000
        timing.antiEntropyInterval = 300
        timing.pieceTimeout = 500
        return timing
    }
}
