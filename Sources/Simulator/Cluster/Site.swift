import Crypto
import Gossip
import Ledger
import Link

/// One machine of a simulated cluster: a disk, and at times a running process. An honest member has one; a twin two.
final class Site {
    let index: Int
    let member: Int
    /// With the keys that it holds now.
    var identity: NodeIdentity
    /// Empty for an honest member.
    let behaviours: [ByzantineBehaviour]
    /// Whom a selective sender talks to.
    let favoured: [Bool]
    var disk = SimulatedDisk()
    /// A copy of the disk from some time ago.
    var backup: SimulatedDisk?
    /// How often it was found out up to where nothing must be signed.
    var abstentions = 0
    var process: Process?
    /// Grows with every start, so that what was planned for an earlier life never reaches a later one.
    var life: UInt64 = 0
    var random: SeededRandom
    var crashTrigger: CrashTrigger?
    /// Batches asked for, over all lives: names the points at which a directed scenario crashes.
    var batchesAsked = 0
    /// How often a version became its head by parameters alone, over all lives.
    var stateSyncs = 0
    /// Messages that a replaying member keeps.
    private var remembered: [[UInt8]] = []
    /// Until when every write fails.
    var diskFullUntil = SimulatedTime.zero
    /// Whether its member left and nobody needs it any more.
    var hasLeft = false
    /// Whether it stays down from now on.
    var isDead = false

    init(
        index: Int, member: Int, identity: NodeIdentity, behaviours: [ByzantineBehaviour], favoured: [Bool],
        random: SeededRandom
    ) {
        self.index = index
        self.member = member
        self.identity = identity
        self.behaviours = behaviours
        self.favoured = favoured
        self.random = random
    }

    var isHonest: Bool { behaviours.isEmpty }

    func does(_ behaviour: ByzantineBehaviour) -> Bool { behaviours.contains(behaviour) }

    func remember(_ bytes: [UInt8]) {
        if remembered.count < 256 { remembered.append(bytes) }
    }

    /// One of the remembered messages; there is one.
    func recall(_ random: inout SeededRandom) -> [UInt8] { random.pick(remembered) }
}

/// Where the next crash of a site happens, when not at once.
enum CrashTrigger: Equatable {
    /// The batch that is waited for next is lost.
    case beforeSync
    /// It is durable, and the process never hears of it.
    case afterSync
    /// Between two actions of a turn.
    case midTurn
}

/// A running node and what its shell holds in memory for it.
final class Process {
    let node: Node
    var clock: ProcessClock
    /// Until when it gets no turn.
    var stalledUntil = SimulatedTime.zero
    /// What the node's timer waits for.
    var armed: Instant?
    var timerGeneration: UInt64 = 0
    var links: [LinkID: LinkEnd] = [:]
    var nextLink: UInt64 = 1
    var nextHandle: UInt64 = 1
    var handles: [PieceHandle: ProvenPiece] = [:]
    /// Batches that are not durable yet, the oldest first.
    var batches: [(ticket: PersistTicket, entries: [JournalEntry])] = []
    var lastSync = SimulatedTime.zero
    var lastReport = SimulatedTime.zero
    /// The batch in whose report a directed scenario crashes it.
    var reportedPoint: (ticket: PersistTicket, point: CrashPoint)?
    /// Parameters that averagings gave.
    var candidates: Set<Digest> = []
    /// Contributions whose blobs were given up while a job on them may still run.
    var forgotten: Set<ContributionDigest> = []
    var replay: SimulatedReplay?
    /// Commitments on the head that reached it, to be named when it closes the round.
    var heard: [Contribution] = []
    /// The base that the trainer works on.
    var training: VersionDigest?

    init(node: Node, clock: ProcessClock) {
        self.node = node
        self.clock = clock
    }
}

/// One end of a connection.
struct LinkEnd {
    let connection: Int
    /// 0 or 1.
    let end: Int
}

/// A link between two sites, which both see under an identifier of their own.
struct Connection {
    struct End {
        let site: Int
        let life: UInt64
        let link: LinkID
        /// Nothing arrives before its process knows the link.
        let upTime: SimulatedTime
        var isUp = false
        var isDown = false
        /// When the last message to this end arrives, for ordered links.
        var lastArrival: SimulatedTime
    }

    var ends: [End]
    /// Whether anything new that is put in still arrives.
    var isOpen = true
}
